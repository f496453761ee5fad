// An ES module, with what only they have.
import { readFileSync } from 'node:fs'
export const text = readFileSync(import.meta.url.slice(7), 'utf8')
export default function size (limit = 10) {
  /* c8 ignore next */
  if (limit < 0) throw new Error('no')
  return text.length > limit
    ? 'long'
    : 'short'
}
/* c8 ignore start */
export function ignored () {
  return 1
}
/* c8 ignore stop */
export const unused = function () { return 2 }
label: for (const a of [1, 2, 3]) {
  for (const b of [1, 2]) {
    if (a === 2) continue label
    if (b === 2) break
  }
}


size(); size(1e9)
