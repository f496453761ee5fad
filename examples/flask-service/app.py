"""A parcel service: what sending costs, and what a parcel number means."""

from __future__ import annotations

from typing import Any

from flask import Flask, jsonify, request
from parcels import tracking
from parcels.customs import declaration
from parcels.tariff import Parcel, price

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "Parcels, here and there.\n"


@app.get("/status")
def status() -> Any:
    return jsonify(status="ok", service="flask-service")


@app.get("/untested")
def untested() -> Any:
    """No test calls this one, which its coverage shows."""
    answer = {"message": "nobody asks for this"}
    answer["note"] = "and so nobody knows whether it works"
    return jsonify(answer)


@app.post("/quote")
def quote() -> Any:
    """What a parcel costs: JSON with grams, country, and, if wished, express, worth and contents."""
    order = request.get_json()
    parcel = Parcel(
        grams=int(order["grams"]),
        country=str(order["country"]),
        express=bool(order.get("express", False)),
    )
    answer: dict[str, Any] = {"cents": price(parcel), "zone": parcel.zone}
    if parcel.zone == "world":
        answer["customs"] = declaration(str(order.get("contents", "")), int(order.get("worth", 0)))
    return jsonify(answer)


@app.get("/parcels/<number>")
def track(number: str) -> Any:
    found = tracking.parse(number)
    if found is None:
        return jsonify(error="not a parcel number"), 404
    return jsonify(depot=found.depot, serial=found.serial)


@app.errorhandler(KeyError)
def missing_field(error: KeyError) -> Any:
    return jsonify(error=f"{error.args[0]} is missing"), 400


@app.errorhandler(ValueError)
def refused(error: ValueError) -> Any:
    return jsonify(error=str(error)), 400


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8080)
