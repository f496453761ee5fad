'use strict'
const RATES = { north: 0.2, south: 0.1 }

function total (items, region = 'north') {
  let sum = 0
  for (const item of items) {
    if (item.price < 0) throw new Error('negative')
    sum += item.price * (item.count || 1)
  }
  return sum * (1 + (RATES[region] ?? 0))
}

class Receipt {
  constructor (items) { this.items = items }
  get text () { return this.items.map(item => item.name).join(', ') }
  set text (value) { throw new Error(value) }
}

function refund (order) {
  if (order) {
    return -order
  } else {
    return 0
  }
}

module.exports = { total, Receipt, refund, twice: x => x ? total([{ price: x }]) * 2 : 0, pair: [() => 1, () => 2] }
if (require.main === module) {
  console.log(total([{ price: 3 }, { price: 4, count: 2 }]), new Receipt([{ name: 'pen' }]).text)
}
