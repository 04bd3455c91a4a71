"""Set-up as launch.sh does it: what the machine has (machine), what is installed for it (plan), how that is told
(report) and done (install). Only the standard library is imported."""
