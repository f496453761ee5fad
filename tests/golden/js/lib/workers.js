const { fork } = require('child_process')
const { Worker, isMainThread } = require('worker_threads')
const mode = process.argv[2] || 'main'
function one () { return mode === 'a' ? 'first' : other() }
function other () {
  if (mode === 'b') {
    return 'b'
  }
  return 'c'
}
if (isMainThread) {
  one()
  if (mode === 'main') {
    for (const name of ['a', 'b', 'b']) fork(__filename, [name])
    new Worker(__filename)
  }
} else {
  other()
}
