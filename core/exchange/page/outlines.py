#!/usr/bin/env python3
"""Makes outlines.json, the country outlines of the exported page, from a TopoJSON file of Natural Earth's 1:110m
countries (public domain; the npm package `world-atlas` carries one):

    outlines.py countries-110m.json > outlines.json

Output: an array of polygons' rings, each a flat list of integers: the first point in tenths of a degree (longitude,
latitude), then differences. Antarctica and rings of fewer than four points are left out."""
import json, sys

topology = json.load(open(sys.argv[1]))
(sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]


def arc_points(index):
    x = y = 0
    points = []
    for dx, dy in topology["arcs"][index if index >= 0 else ~index]:
        x, y = x + dx, y + dy
        points.append((round((x * sx + tx) * 10), round((y * sy + ty) * 10)))
    return points if index >= 0 else points[::-1]


rings = []
for country in topology["objects"]["countries"]["geometries"]:
    if country.get("properties", {}).get("name") == "Antarctica":
        continue
    polygons = country["arcs"] if country["type"] == "MultiPolygon" else [country["arcs"]]
    for polygon in polygons:
        for arcs in polygon:
            points = []
            for index in arcs:
                for point in arc_points(index):
                    if not points or point != points[-1]:
                        points.append(point)
            if len(points) >= 4:
                flat = list(points[0])
                for before, after in zip(points, points[1:]):
                    flat += [after[0] - before[0], after[1] - before[1]]
                rings.append(flat)
print("[" + ",\n".join(json.dumps(ring, separators=(",", ":")) for ring in rings) + "]")
