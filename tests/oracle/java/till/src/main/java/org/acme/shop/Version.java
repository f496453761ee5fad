package org.acme.shop;

/** Both modules have a file of this name. */
class Version {
  static String text() {
    return "till 1";
  }
}
