import org.acme.shop.Stock;
import org.acme.shop.Till;

/** In no package. Its first argument says which half runs. */
public class Main {
  public static void main(String[] arguments) {
    Till till = new Till();
    if (arguments[0].equals("one")) {
      till.take(new Till.Item("tea", 30, Till.Size.SMALL));
      till.take(null);
      System.out.println(till.total(sum -> sum - 1) + till.receipt());
      till.open(false);
    } else {
      till.take(new Till.Item("pot", 130, Till.Size.LARGE));
      System.out.println(till.total(sum -> sum) + till.receipt() + till.open(true));
      till.bell().run();
      new Stock().count(arguments.length);
    }
  }
}
