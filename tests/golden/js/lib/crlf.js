const a = 1
function crlf() {
  return 1
}
if (a) {
  console.log(a)
} else {
  crlf()
}
