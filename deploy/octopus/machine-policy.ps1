# The custom health check script for PowerShell of a machine policy: docs/monitoring.md explains it.
if (Get-Command octo-tentacle -ErrorAction SilentlyContinue) {
  $report = (& octo-tentacle check --quiet | Out-String).Trim()
  switch ($LASTEXITCODE) {
    0 { if ($report) { Write-Warning $report } }
    1 { Fail-HealthCheck $report }
    default { Write-Warning "octo-tentacle check could not look (exit code $LASTEXITCODE)" }
  }
  $global:LASTEXITCODE = 0
} else {
  Write-Warning 'octo-tentacle is not installed'
}
