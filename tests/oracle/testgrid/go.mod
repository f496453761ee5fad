module covey.test/testgrid

go 1.20
