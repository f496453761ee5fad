"""A small web application under its framework's test client: what a recorder costs a service."""

from __future__ import annotations

from flask import Flask, jsonify, request

app = Flask(__name__)
STOCK = {
    f"item-{number}": {"price": number * 7 % 90 + 1, "tags": [f"t{number % 5}", f"t{number % 7}"]}
    for number in range(300)
}


def discount(total, customer):
    if customer.startswith("vip"):
        return total * 15 // 100
    if total > 500:
        return total * 5 // 100
    return 0


@app.post("/orders")
def order():
    body = request.get_json()
    total = 0
    lines = []
    for line in body["lines"]:
        item = STOCK.get(line["item"])
        if item is None:
            return jsonify(error="unknown item"), 404
        cost = item["price"] * line["count"]
        total += cost
        lines.append({"item": line["item"], "cost": cost})
    total -= discount(total, body["customer"])
    return jsonify(total=total, lines=lines)


@app.get("/search")
def search():
    wanted = set(request.args.get("tags", "").split(","))
    found = []
    for name, item in STOCK.items():
        if wanted.intersection(item["tags"]):
            found.append({"name": name, "price": item["price"]})
    found.sort(key=lambda item: item["price"])
    return jsonify(found[:20])


if __name__ == "__main__":
    client = app.test_client()
    for number in range(3_000):
        lines = [{"item": f"item-{(number + step) % 310}", "count": step + 1} for step in range(8)]
        client.post("/orders", json={"customer": "vip-1" if number % 4 else "bob", "lines": lines})
        client.get(f"/search?tags=t{number % 7},t{number % 5}")
