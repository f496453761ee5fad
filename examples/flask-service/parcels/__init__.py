"""The business of the parcel service; knows nothing of the web."""
