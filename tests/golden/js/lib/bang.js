#!/usr/bin/env node
var é = "ü😀"; function f(){ return é }
if (!é) { f() }
console.log(é)


