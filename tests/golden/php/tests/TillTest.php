<?php
require_once __DIR__ . '/../src/Till.php';

final class TillTest extends PHPUnit\Framework\TestCase
{
    public function testTotal(): void
    {
        $till = new Acme\Shop\Till();
        $till->take(30);
        $till->take(12);
        $this->assertSame(42, $till->total());
    }

    public function testRefusesLessThanNothing(): void
    {
        $this->expectException(InvalidArgumentException::class);
        (new Acme\Shop\Till())->take(-1);
    }
}
