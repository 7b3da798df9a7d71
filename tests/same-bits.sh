#!/usr/bin/env bash
# The full matrix of "same bits": every run's hashes are compared with the one-process oracle's.
#   workers {1 2 3 4 8} x shards {1 2 5} x threads {1 2} x instruction set, worker processes {1 3}, for every model and optimizer; AVX-512 off as a process.
# Prints one line for each job and exits with 1 if any run differs.
set -euo pipefail
cd "$(dirname "$0")/.."
dotnet build tests/DistTrain.Tests -c Release -v q --nologo >/dev/null
program=(dotnet exec tests/DistTrain.Tests/bin/Release/net10.0/DistTrain.Tests.dll)

exec "${program[@]}" matrix "$@"
