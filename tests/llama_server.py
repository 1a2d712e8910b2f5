"""llama.cpp's own server with the embedded model's weights, as a process on loopback.

Prints its address and waits to be ended: python llama_server.py GGUF KEY
"""

import sys
import time

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.api_keys = [sys.argv[2]]
parameters.hostnames = ["127.0.0.1"]
parameters.port = 0
parameters.n_parallel = 4
parameters.n_ctx = 4 * 4096
parameters.cpuparams.n_threads = 2
parameters.verbosity = 0
server = xllamacpp.Server(parameters)
print("address", server.listening_address, flush=True)
while True:
    time.sleep(60)
