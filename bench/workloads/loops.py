"""Hot loops: what a recorder costs where the same lines run millions of times."""

from __future__ import annotations

import heapq


def queens(size, row=0, columns=0, rising=0, falling=0):
    """How many ways there are to place queens."""
    if row == size:
        return 1
    found = 0
    free = ~(columns | rising | falling) & ((1 << size) - 1)
    while free:
        bit = free & -free
        free ^= bit
        found += queens(size, row + 1, columns | bit, (rising | bit) << 1, (falling | bit) >> 1)
    return found


class Station:
    """A queue and a server in a simulated shop."""

    def __init__(self, seed):
        self.state = seed
        self.waiting = []
        self.served = 0

    def random(self):
        self.state = (self.state * 1103515245 + 12345) % 2**31
        return self.state

    def arrive(self, now, customer):
        if len(self.waiting) < 50:
            self.waiting.append((now, customer))
        else:
            self.waiting.pop(0)

    def serve(self, now):
        if self.waiting:
            since, _ = self.waiting.pop(0)
            self.served += 1
            return now - since
        return 0


def simulate(events):
    """Total waiting time in a network of stations."""
    stations = [Station(seed) for seed in range(1, 6)]
    queue = [(0, 0, 0)]
    total = 0
    for number in range(events):
        now, at, customer = heapq.heappop(queue)
        station = stations[at]
        if station.random() % 3:
            station.arrive(now, customer)
        else:
            total += station.serve(now)
        later = now + station.random() % 20
        heapq.heappush(queue, (later, station.random() % 5, number))
    return total


def spectral(size):
    """The dominant value of an infinite matrix, cut to a size, by repeated multiplication."""
    vector = [1.0] * size
    for _ in range(4):
        rows = []
        for row in range(size):
            entry = 0.0
            for column in range(size):
                entry += vector[column] / ((row + column) * (row + column + 1) // 2 + row + 1)
            rows.append(entry)
        vector = rows
    return vector[0]


def words(text):
    """Counts of words, by a scanner that looks at each character."""
    counts = {}
    start = None
    for at, character in enumerate(text):
        if character.isalpha():
            if start is None:
                start = at
        elif start is not None:
            word = text[start:at]
            counts[word] = counts.get(word, 0) + 1
            start = None
    return counts


if __name__ == "__main__":
    queens(11)
    simulate(800_000)
    spectral(600)
    words("the quick brown fox, the lazy dog; " * 100_000)
