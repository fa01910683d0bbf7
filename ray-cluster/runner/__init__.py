"""The runner: takes programs, runs them on Ray in a cell or on the cluster, and gives events back."""
