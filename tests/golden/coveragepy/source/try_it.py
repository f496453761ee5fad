from shop import till


def test_total():
    assert till.total([(2, 3)]) == 6
    assert till.total([(2, 3)], discount=7) == 0


def test_receipt():
    assert till.receipt([(1, 0), (2, 1)]) == ["1 x 2"]


test_total()
test_receipt()
