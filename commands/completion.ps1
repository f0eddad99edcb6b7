# Completes command lines of octo-tentacle in PowerShell 5.1 or later. To load it:
# octo-tentacle completion powershell | Out-String | Invoke-Expression

Register-ArgumentCompleter -Native -CommandName 'octo-tentacle' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words up to the cursor, without their quotes.
    $words = @()
    $word = ''
    foreach ($element in $commandAst.CommandElements) {
        $begin = $element.Extent.StartOffset
        if ($begin -ge $cursorPosition) { break }
        $text = $element.Extent.Text
        if ($element.Extent.EndOffset -gt $cursorPosition) {
            $text = $text.Substring(0, $cursorPosition - $begin)
        } elseif ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $text = $element.Value
        }
        if ($element.Extent.EndOffset -ge $cursorPosition) { $word = $text } else { $words += $text }
    }

    # PowerShell may replace only the end of the word: what follows a comma, or the colon in -name:value.
    $typed = "$wordToComplete".Trim("'", '"')
    $kept = 0
    if ($word.EndsWith($typed)) { $kept = $word.Length - $typed.Length }

    # The program that was typed, or that an alias stands for.
    $program = $words[0]
    if (-not (Get-Command -Name $program -CommandType Application -ErrorAction Ignore)) { $program = 'octo-tentacle' }
    $arguments = @($words | Select-Object -Skip 1) + $word
    if ($PSVersionTable.PSVersion -lt [version]'7.3') {
        # Quotes and empty words get lost on the way to a program unless they are quoted.
        $arguments = @($arguments | ForEach-Object { if ($_ -eq '') { '""' } else { $_ -replace '"', '\"' } })
    }
    $output = @()
    try { $output = @(& $program __complete $arguments 2>$null) } catch { }

    $kind, $prefix = "$($output | Select-Object -First 1)" -split ' ', 2
    $results = @(switch ($kind) {
        ':words' {
            foreach ($line in $output | Select-Object -Skip 1) {
                $value, $description = $line -split "`t", 2
                if (-not $description) { $description = $value }
                $insert = $value.Substring($kept)
                if ($insert -match '[\s''"`$(){};&|<>@#]') { $insert = "'" + $insert.Replace("'", "''") + "'" }
                [System.Management.Automation.CompletionResult]::new($insert, $value, 'ParameterValue', $description)
            }
        }
        { $_ -in ':files', ':folders' } {
            foreach ($file in [System.Management.Automation.CompletionCompleters]::CompleteFilename($word.Substring("$prefix".Length))) {
                if ($kind -eq ':folders' -and $file.ResultType -ne 'ProviderContainer') { continue }
                $insert = "$prefix$($file.CompletionText)".Substring($kept)
                [System.Management.Automation.CompletionResult]::new($insert, $file.ListItemText, $file.ResultType, $file.ToolTip)
            }
        }
    })
    if ($results) { $results } else { '' } # without any answer, PowerShell offers files
}
