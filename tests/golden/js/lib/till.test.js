const test = require('node:test')
const assert = require('node:assert')
const { total, twice } = require('./till')

test('total', () => assert.strictEqual(total([{ price: 10 }], 'south'), 11))
test('twice', () => assert.strictEqual(twice(0), 0))
