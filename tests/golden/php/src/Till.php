<?php
declare(strict_types=1);

namespace Acme\Shop;

final class Till
{
    /** @var int[] */
    private array $prices = [];

    public function take(int $price): void
    {
        if ($price < 0) {
            throw new \InvalidArgumentException(
                'a price below nothing'
            );
        }
        $this->prices[] = $price;
    }

    public function total(bool $discount = false): int
    {
        $sum = array_sum($this->prices);

        return $discount ? intdiv($sum * 9, 10) : $sum;
    }

    private function never(): string { return 'never'; }
}
