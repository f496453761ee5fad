import { rate, Region } from './tax';

export interface Item {
  name: string;
  price: number;
  count?: number;
}

// A comment that no code is made of.
export class Cart {
  private items: Item[] = [];

  constructor(private readonly region: Region = 'north') {}

  add(item: Item): this {
    if (item.count === 0) {
      return this;
    }
    this.items.push(item);
    return this;
  }

  get total(): number {
    let sum = 0;
    for (const { price, count = 1 } of this.items) {
      sum += price * count;
    }
    return sum > 100 ? sum * 0.9 : sum;
  }

  get taxed(): number {
    return this.total * (1 + rate(this.region));
  }

  clear(): void {
    this.items.length = 0;
  }
}

export function describe(cart: Cart, short = false): string {
  if (short) {
    return `${cart.total}`;
  } else if (cart.total > 1000) {
    return 'a lot: 😀';
  }
  switch (cart.total % 3) {
    case 0:
      return 'even';
    case 1:
      return 'odd';
    default:
      return 'other';
  }
}

export const never = () => {
  throw new Error('never');
};
