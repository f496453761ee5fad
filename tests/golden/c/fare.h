#pragma once

#define CAPPED(n, most) ((n) > (most) ? (most) : (n))

template <typename T> T larger(T a, T b) {
    if (a > b)
        return a;
    return b;
}

inline int rate(int kind) { return kind == 1 ? 7 : 19; } inline int half(int n) { return n / 2; }

struct Fare {
    int total = 0;
    Fare() {}
    explicit Fare(int start) : total(start) {
        if (start < 0)
            throw -1;
    }
    void add(int price, int count);
};
