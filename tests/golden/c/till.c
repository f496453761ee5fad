#include <stdio.h>

static int total(int price, int count)
{
    if (count > 10 && price > 1)
        return price * count * 9 / 10;
    return price * count;
}

static int refund(int cost)
{
    return -cost;
}

int main(int argc, char **argv)
{
    int sum = 0;
    for (int i = 0; i < 20; i++)
        sum += total(i, i);
    if (argc > 5)
        sum = refund(sum);
    printf("%s %d\n", argv[0], sum > 0);
    return 0;
}
