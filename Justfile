# Every command a person needs. The logic is in `xtask/`; `cargo xtask help` lists the options.

# The commands, by name.
default:
    @just --list

# The host at target/release/kumiko and every component at target/plugins/<name>.wasm.
build *flags:
    cargo xtask build {{ flags }}

# Everything that must hold: `just test NAME` runs the tests whose name contains NAME.
test *arguments:
    cargo xtask test -- {{ arguments }}

# The main job on a public data set.
demo *arguments:
    cargo xtask demo -- {{ arguments }}

# Our figures beside those of what people use, as a table of ratios.
bench *names:
    cargo xtask bench {{ names }}

# The table of faults in its full size: what was measured beside what is to be reached.
faults *rows:
    cargo xtask faults {{ rows }}

# Formatting, clippy, spelling, licences and advisories.
lint:
    cargo xtask lint

# Formats every source file.
fmt:
    cargo xtask fmt
