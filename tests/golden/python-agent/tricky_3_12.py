"""Type parameters, `type` and nested quotes: Python 3.12 and later."""


type Pair[T] = tuple[
    T,
    T,
]


def first[T](
    items: list[T],
) -> T:
    return items[0]


class Box[T: (int, str)]:
    def __init__(self, item: T):
        self.item = item

    def text(self):
        return f"{f"{self.item}"} {"|".join(
            str(part) for part in (1, 2)
        )}"


def comprehensions(rows):
    total = [
        cell
        for row in rows
        for cell in row
        if cell > (
            1
        )
    ]
    return {
        cell: [other for other in total]
        for cell in total
    }


print_later = Pair.__value__
first([1])
Box(1).text()
comprehensions([[1, 2], [3]])
