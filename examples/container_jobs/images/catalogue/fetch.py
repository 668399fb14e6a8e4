"""Fetch http://HOST:PORT/PATH and print it."""

import http.client
import sys

host, port, path = sys.argv[1:]
try:
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    connection.request("GET", path)
    print(connection.getresponse().read().decode())
except OSError as error:
    sys.exit(f"fetch: {error}")
