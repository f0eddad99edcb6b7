# octo-tentacle fleet: prints which Octopus Servers this Tentacle polls. It changes nothing.
& {
  $ErrorActionPreference = 'Stop'
  $marker = 'octo-tentacle-fleet NONCE'
  $id = ''
  try { $id = [string]$OctopusParameters['Octopus.Machine.Id'] -replace '[^A-Za-z0-9-]', '' } catch { $id = '' }
  if (-not $id) { $id = '-' }
  $marker = "$marker $id"
  try {
    # The configuration of the instance that runs this script, as its index says.
    $machine = $env:TentacleMachineConfigurationHomeDirectory
    if (-not $machine) { $machine = Join-Path $env:ProgramData 'Octopus' }
    $configuration = ''
    $name = $env:TentacleInstanceName
    if ($name) {
      $entry = Join-Path $machine ('Tentacle\Instances\' + $name.ToLowerInvariant().Replace(' ', '-') + '.config')
      if (Test-Path -LiteralPath $entry) {
        $configuration = ([IO.File]::ReadAllText($entry) | ConvertFrom-Json).ConfigurationFilePath
      } else {
        $key = Get-ItemProperty -LiteralPath ('HKLM:\Software\Octopus\Tentacle\' + $name) -ErrorAction SilentlyContinue
        if ($key) { $configuration = $key.ConfigurationFilePath }
      }
    }
    if (-not $configuration -and $env:TentacleHome) { $configuration = Join-Path $env:TentacleHome 'Tentacle.config' }
    if (-not $configuration -or -not (Test-Path -LiteralPath $configuration)) { Write-Host "$marker failed no-configuration"; return }

    $xml = New-Object System.Xml.XmlDocument
    $xml.XmlResolver = $null
    $xml.LoadXml([IO.File]::ReadAllText($configuration))
    $thumbprint = ''; $servers = ''; $form = 'json'
    foreach ($set in $xml.DocumentElement.SelectNodes('set')) {
      if ($set.GetAttribute('key') -ieq 'Tentacle.CertificateThumbprint') { $thumbprint = $set.InnerText }
      if ($set.GetAttribute('key') -ieq 'Tentacle.Communication.TrustedOctopusServers') { $servers = $set.InnerText }
    }
    if ($env:OCTOPUS_CONTRIBUTE_ENV_SETTINGS -ieq 'true') {
      if ($env:TENTACLE_TRUSTED_SERVERS) { $form = 'variable'; $servers = $env:TENTACLE_TRUSTED_SERVERS }
      if ($env:TENTACLE_CERTIFICATE_THUMBPRINT) { $thumbprint = $env:TENTACLE_CERTIFICATE_THUMBPRINT }
    }

    # Subscriptions are cut: nobody who reads the log can poll in the place of this Tentacle.
    $servers = $servers -replace '(?i)(poll://[^/"]{8})[^/"]*', '$1' -replace '(SQ-[^"]{5})[^"]*', '$1'
    $thumbprint = $thumbprint -replace '[^0-9A-Fa-f]', ''
    $text = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes("1`n$form`n$thumbprint`n$servers`n"))
    if ($text.Length -gt 100000) { Write-Host "$marker failed too-long"; return }
    Write-Host "$marker ok $($text.Length) $text end"
  } catch [UnauthorizedAccessException] {
    Write-Host "$marker failed no-access"
  } catch {
    Write-Host "$marker failed unreadable"
  }
}
