package org.acme.shop;

import java.util.ArrayList;
import java.util.List;
import java.util.function.IntUnaryOperator;

/** What JaCoCo has rules for: branches, loops, lambdas, inner classes, enums, records, try and finally. */
public final class Till {
  public enum Size { SMALL, LARGE }

  public record Item(String name, int price, Size size) {
    public boolean dear() { return price > 100 || size == Size.LARGE; }
  }

  private final List<Item> items = new ArrayList<>();
  private int opened;

  public void take(Item item) { if (item != null && item.price() >= 0) items.add(item); }

  public int total(IntUnaryOperator discount) {
    int sum = 0;
    for (Item item : items) {
      switch (item.size()) {
        case SMALL:
          sum += item.price();
          break;
        case LARGE:
          sum += 2 * item.price();
          break;
        default:
          throw new IllegalStateException("no such size");
      }
    }
    return discount.applyAsInt(sum);
  }

  public String receipt() {
    StringBuilder text = new StringBuilder();
    items.stream().filter(Item::dear).map(item -> item.name() + "!\n").forEach(text::append);
    items.stream().filter(item -> !item.dear()).forEach(item -> text.append(item.name()).append('\n'));
    return text.length() > 0 ? text.toString() : "nothing\n";
  }

  public int open(boolean broken) {
    try {
      if (broken) {
        throw new IllegalStateException("stuck");
      }
      return opened;
    } catch (IllegalStateException stuck) {
      return -1;
    } finally {
      opened++;
    }
  }

  public Runnable bell() {
    return new Runnable() {
      private int rung;

      @Override
      public void run() {
        rung += opened > 3 ? 2 : 1;
      }
    };
  }

  static final class Drawer {
    void never() {
      while (true) {
        System.out.println("never");
      }
    }
  }
}
