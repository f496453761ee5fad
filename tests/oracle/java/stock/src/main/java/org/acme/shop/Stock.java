package org.acme.shop;

public class Stock {
  public interface Named {
    default String name() {
      return "named";
    }
  }

  public int count(int most) {
    int sum = 0;
    for (int i = 0; i < most; i++) sum += i % 2 == 0 ? i : -i;
    do {
      sum--;
    } while (sum > 0 && sum % 3 != 0);
    return sum;
  }

  public <T extends Comparable<T>> T larger(T one, T two) {
    return one.compareTo(two) > 0 ? one : two;
  }
}
