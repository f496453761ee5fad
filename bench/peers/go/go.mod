module covey.example/bench/peers

go 1.23

require golang.org/x/tools v0.26.0
