# The workflow lives in workflow/. An included rule is never the default target by itself, hence the second statement.
include: "workflow/Snakefile"


workflow.default_target = "all"
