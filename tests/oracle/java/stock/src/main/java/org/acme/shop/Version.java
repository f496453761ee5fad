package org.acme.shop;

/** Both modules have a file of this name; this one is never loaded. */
class Version {
  private static int asked;

  static String text() {
    asked++;
    return asked > 1 ? "stock 1, again" : "stock 1";
  }
}
