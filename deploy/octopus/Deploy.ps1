# Octopus runs this script where it deploys the package on Windows, and Deploy.sh on Linux: see there.
# Calamari runs it in Windows PowerShell 5.1, or in PowerShell 7, after functions like
# Set-OctopusVariable (Features/Scripting/WindowsPowerShell/Bootstrap.ps1), with
# $ErrorActionPreference = 'Stop'.
#
# This file is ASCII, which 5.1 reads the same in every code page. The program is started without the
# operators & and 2>: with them, 5.1 ends a script at the first line on standard error, and takes
# quotation marks out of arguments. Values from variables come to it in its environment, in a file or
# not at all.

$ErrorActionPreference = 'Stop'
$script:folder = $PSScriptRoot
$script:program = ''
$script:problems = @()
$script:warnings = @()
$script:changed = $false

# What others sent is in it, and must not look like an order to Octopus.
function Format-Said([string]$text) {
  return $text.Replace('##octopus[', '## octopus[')
}

function Write-Said([string]$text) {
  Write-Host (Format-Said $text)
}

function Write-Warned([string]$text) {
  Write-Warning (Format-Said $text)
  $script:warnings += $text
}

function Write-Wrong([string]$text) {
  [Console]::Error.WriteLine((Format-Said $text))
}

# Sets the output variables, and removes the programs: see Deploy.sh.
function Set-Output {
  Set-OctopusVariable -name 'Changed' -value ([string]$script:changed)
  Set-OctopusVariable -name 'Polled' -value (Get-Polled)
  Set-OctopusVariable -name 'Problems' -value ($script:problems -join "`n")
  Set-OctopusVariable -name 'Warnings' -value ($script:warnings -join "`n")
  foreach ($name in 'linux-x64', 'linux-arm64', 'win-x64') {
    # A scanner may have one open.
    Remove-Item -LiteralPath (Join-Path $script:folder $name) -Recurse -Force -ErrorAction SilentlyContinue
  }
}

# Says what is wrong, and ends the step with it.
function Stop-Step([string]$message) {
  if ($script:problems.Count -eq 0) { $script:problems = @($message) }
  Write-Wrong $message
  Exit-Failed $message
}

function Exit-Failed([string]$message) {
  Set-Output
  Fail-Step "octo-tentacle: $message"
}

function Read-Variable([string]$name) {
  if ($OctopusParameters.ContainsKey($name) -and $null -ne $OctopusParameters[$name]) {
    return ([string]$OctopusParameters[$name])
  }
  return ''
}

function Get-Truth([string]$name) {
  $value = (Read-Variable $name)
  if ($value -eq 'True') { return $true }
  if ($value -eq 'False' -or $value -eq '') { return $false }
  Stop-Step "the variable $name is ${value}: expected True or False"
}

# Runs the program. None of the arguments needs quotation marks.
function Invoke-Program([string[]]$arguments) {
  $start = New-Object System.Diagnostics.ProcessStartInfo
  $start.FileName = $script:program
  $start.Arguments = $arguments -join ' '
  $start.WorkingDirectory = $script:folder
  $start.UseShellExecute = $false # and in the console of this PowerShell, so that both use one code page
  $start.RedirectStandardInput = $true
  $start.RedirectStandardOutput = $true
  $start.RedirectStandardError = $true
  # It writes UTF-8, and Windows PowerShell reads a code page.
  $start.StandardOutputEncoding = [System.Text.Encoding]::UTF8
  $start.StandardErrorEncoding = [System.Text.Encoding]::UTF8
  # Only the variables of Octopus decide, not the environment of a machine.
  foreach ($name in 'OCTOPUS_URL', 'OCTOPUS_API_KEY', 'OCTOPUS_ACCESS_TOKEN', 'OCTOPUS_SPACE') {
    $start.EnvironmentVariables.Remove($name)
  }
  if ($script:server -ne '') {
    $start.EnvironmentVariables['OCTOPUS_URL'] = $script:server
    $start.EnvironmentVariables['OCTOPUS_API_KEY'] = $script:key
  }
  $process = [System.Diagnostics.Process]::Start($start)
  $process.StandardInput.Close()
  # Both at once: a pipe that nobody reads would block the program when it is full.
  $answer = $process.StandardOutput.ReadToEndAsync()
  $messages = $process.StandardError.ReadToEndAsync()
  $process.WaitForExit()
  return (New-Object PSObject -Property @{
    Code     = $process.ExitCode
    Answer   = $answer.Result
    Messages = $messages.Result
  })
}

# The addresses that this Tentacle polls, with commas.
function Get-Polled {
  if ($script:program -eq '') { return '' }
  $listed = Invoke-Program @('list-servers', '--format=json')
  if ($listed.Code -ne 0) { return '' }
  $addresses = @()
  foreach ($entry in (ConvertFrom-Json $listed.Answer).servers) {
    if ($entry.style -eq 'TentacleActive' -and $entry.address -ne '' -and $addresses -notcontains $entry.address) {
      $addresses += $entry.address
    }
  }
  return ($addresses -join ',')
}

# Warns of the program's warnings, and returns its error, if there is one.
function Read-Messages([string]$messages) {
  $failure = ''
  $kind = ''
  $text = ''
  foreach ($line in ($messages -split "`r?`n") + 'end: ') {
    if ($line -cmatch '^(warning|octo-tentacle|end): (.*)$') {
      $nextKind = $Matches[1]
      $nextText = $Matches[2]
      if ($kind -eq 'octo-tentacle') { $failure = $text.TrimEnd() }
      elseif ($text.Trim() -ne '') { Write-Warned $text.TrimEnd() }
      $kind = $nextKind
      $text = $nextText
    } else {
      $text += "`n$line"
    }
  }
  return $failure
}

# Writes nodes.yaml, from addresses with commas or on lines of their own, or from YAML.
function Write-Nodes([string]$nodes) {
  $text = $nodes.Replace("`r", '')
  if ($text.Trim() -eq '') {
    Stop-Step 'the variable OctoTentacle.Nodes is empty: expected addresses, like https://octo1:10943,https://octo2:10943'
  }
  if ($text -cnotmatch '(^|\n)\s*(-\s|\[|\{|(nodes|thumbprints)\s*:)') {
    if ($text -match '(^|,)\s*(,|$)') {
      # A variable that has no value, perhaps: its node would no longer be polled.
      Stop-Step 'the variable OctoTentacle.Nodes has an empty address'
    }
    $items = @($text -split '[\s,]+' | Where-Object { $_ -ne '' })
    $text = ($items | ForEach-Object { "- '" + $_.Replace("'", "''") + "'" }) -join "`n"
  }
  [System.IO.File]::WriteAllText((Join-Path $script:folder 'nodes.yaml'), "$text`n")
}

function Test-Tentacle {
  $arguments = @('check', '--format=json')
  if ($script:strict) { $arguments += '--strict' }
  $result = Invoke-Program $arguments
  $failure = Read-Messages $result.Messages
  if ($failure -ne '') { Stop-Step $failure }
  $ok = 0
  foreach ($finding in (ConvertFrom-Json $result.Answer).findings) {
    $text = $finding.what
    if ($finding.why -ne '') { $text += "`n  " + $finding.why.Replace("`n", "`n  ") }
    if ($finding.fix -ne '' -and $finding.complete) { $text += "`n  fix: " + $finding.fix }
    elseif ($finding.fix -ne '') { $text += "`n  fix (complete it): " + $finding.fix }
    switch ($finding.level) {
      'problem' {
        $script:problems += $finding.what
        Write-Wrong $text
      }
      'warning' { Write-Warned $text }
      'skipped' { Write-Said "skipped: $($finding.what)" }
      'ok' { $ok++ }
    }
  }
  Write-Said "$ok ok"
  # For octo-tentacle fleet --reports.
  $file = Join-Path $script:folder 'check.json'
  [System.IO.File]::WriteAllText($file, $result.Answer)
  New-OctopusArtifact -Path $file -Name "$($script:machine).json"
  if ($result.Code -eq 1) {
    if ($script:problems.Count -eq 0) { $script:problems = $script:warnings }
    Exit-Failed ($script:problems -join "`n")
  } elseif ($result.Code -ne 0) {
    Stop-Step "check could not look (exit code $($result.Code))"
  }
}

function Sync-Tentacle {
  $arguments = @('sync-servers', '--file=nodes.yaml', '--format=json', "--restart-splay=$($script:splay)")
  if ($script:mode -eq 'dry-run') { $arguments += '--dry-run' }
  if ($script:unreachable) { $arguments += '--allow-unreachable' }
  if ($script:task -ne '') { $arguments += "--reason=$($script:task)" }
  $result = Invoke-Program $arguments
  $failure = Read-Messages $result.Messages
  $summary = ''
  $restart = ''
  $count = @{ added = 0; removed = 0; updated = 0; unchanged = 0 }
  if ($result.Answer.Trim() -ne '') {
    $answer = ConvertFrom-Json $result.Answer
    $script:changed = [bool]$answer.changed
    foreach ($list in @(@('added', '+'), @('removed', '-'), @('updated', '~'), @('unchanged', ' '))) {
      foreach ($entry in $answer.($list[0])) {
        if ($entry.address -ne '') {
          Write-Said "  $($list[1]) $($entry.address)"
          $count[$list[0]]++
        }
      }
    }
    if ($answer.service.scheduled -ne '') { $restart = '; the restart is scheduled' }
    elseif ($answer.service.restarted) { $restart = '; the service was restarted' }
    $summary = "$($script:machine): $($count.added) added, $($count.removed) removed$restart"
    if ($script:mode -eq 'dry-run') {
      $summary = "$($script:machine): would add $($count.added), remove $($count.removed)"
    }
  }
  if ($result.Code -ne 0) {
    if ($script:changed) { Write-Said $summary }
    if ($failure -eq '') { $failure = "sync-servers failed (exit code $($result.Code))" }
    Stop-Step $failure
  }
  if ($script:changed) { Write-Highlight (Format-Said $summary) }
  else { Write-Said "Nothing to change$restart." }
}

$script:mode = (Read-Variable 'OctoTentacle.Mode')
if ($script:mode -eq '') { $script:mode = 'check' }
$script:server = (Read-Variable 'OctoTentacle.Server')
$script:key = (Read-Variable 'OctoTentacle.ApiKey')
$script:splay = (Read-Variable 'OctoTentacle.RestartSplay')
if ($script:splay -eq '') { $script:splay = '5m' }
$script:task = (Read-Variable 'Octopus.Task.Id')
if ($script:task -cnotmatch '^[A-Za-z]+-[0-9]+\z') { $script:task = '' }
$script:machine = (Read-Variable 'Octopus.Machine.Name')
if ($script:machine -eq '') { $script:machine = [Environment]::MachineName }
if (@('check', 'dry-run', 'sync') -cnotcontains $script:mode) {
  Stop-Step "the variable OctoTentacle.Mode is $($script:mode): expected check, dry-run or sync"
}
$script:unreachable = (Get-Truth 'OctoTentacle.AllowUnreachable')
$script:strict = (Get-Truth 'OctoTentacle.Strict')
if ($script:splay -cnotmatch '^(0|([0-9]+[hms])+)\z') {
  Stop-Step "the variable OctoTentacle.RestartSplay is $($script:splay): expected a time like 5m, or 0"
}
if ($script:server -ne '' -and $script:key -eq '') {
  Stop-Step 'the variable OctoTentacle.Server is set, and OctoTentacle.ApiKey is not: set both, or none'
} elseif ($script:server -eq '' -and $script:key -ne '') {
  Stop-Step 'the variable OctoTentacle.ApiKey is set, and OctoTentacle.Server is not: set both, or none'
}

# A 32-bit PowerShell on a 64-bit Windows has the second variable as well. An ARM64 Windows runs x64.
$architecture = $env:PROCESSOR_ARCHITECTURE
if ($env:PROCESSOR_ARCHITEW6432) { $architecture = $env:PROCESSOR_ARCHITEW6432 }
if (@('AMD64', 'ARM64') -notcontains $architecture) {
  Stop-Step "the package has no program for Windows on $architecture"
}
$script:program = Join-Path (Join-Path $script:folder 'win-x64') 'octo-tentacle.exe'
$reason = ''
try {
  $version = Invoke-Program @('version')
  if ($version.Code -ne 0) { $reason = "exit code $($version.Code): $($version.Messages)" }
} catch {
  $reason = $_.Exception.Message
}
if ($reason -ne '') {
  $script:program = ''
  Stop-Step "the program of the package does not run here: $reason"
}
Write-Said "octo-tentacle $($version.Answer.Trim()): $($script:mode)"
$instances = Invoke-Program @('list-instances', '--format=json')
if ($instances.Code -eq 0 -and $instances.Answer.Trim() -eq '[]') {
  Write-Warned 'there is no Tentacle on this machine: nothing to do'
  $script:program = ''
} elseif ($script:mode -eq 'check') {
  Test-Tentacle
} else {
  Write-Nodes (Read-Variable 'OctoTentacle.Nodes')
  Sync-Tentacle
}
Set-Output
exit 0
