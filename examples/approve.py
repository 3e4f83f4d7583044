"""Stops before it deletes files, and goes on when somebody has said yes or no."""

from pausepoint import pause

old = ["report-2023.csv", "report-2024.csv"]
prompt = "These files are about to be deleted:\n\n" + "\n".join(f"- `{name}`" for name in old)
if pause(bool, key="delete-reports", title="Delete the old reports?", prompt=prompt):
    print(f"{len(old)} files deleted.")
else:
    print("Nothing deleted.")
