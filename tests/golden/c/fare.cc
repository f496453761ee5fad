#include "fare.h"
#include <cstdio>

void Fare::add(int price, int count) {
    for (int i = 0; i < count; i++)
        total += price;
    if (total > 1000 && count > 3) {
        total -= half(rate(count));
    }
}

static int unused(int n) {
    switch (n) {
    case 1:
        return 7;
    default:
        return n > 0 ? n : -n;
    }
}

int main(int argc, char **argv) {
    Fare one, two(5);
    one.add(10, argc);
    two.add(400, 4);
    try {
        Fare bad(-1);
    } catch (int) {
        puts("below zero");
    }
    auto twice = [](int n) {
        return n * 2;
    };
    if (argc > 5)
        return unused(argc);
    printf("%d %f %d %d\n", larger(one.total, two.total), larger(0.5, 1.5), twice(3),
           CAPPED(argc, 3));
    return 0;
}
