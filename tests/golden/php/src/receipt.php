<?php

namespace Acme\Shop;

function receipt(Till $till): string
{
    return sprintf("%d in all\n", $till->total());
}

interface Printed
{
    public function text(): string;
}
