import { Cart, describe } from './cart';
import { later, Kind } from './tax';

const cart = new Cart();
cart.add({ name: 'pen', price: 3 }).add({ name: 'ink', price: 7, count: 2 });
console.log(describe(cart), cart.taxed, Kind.Small);
later(1).then(console.log);
