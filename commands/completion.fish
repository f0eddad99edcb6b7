# Completes command lines of octo-tentacle in fish. To load it: octo-tentacle completion fish | source,
# or save it as ~/.config/fish/completions/octo-tentacle.fish

function __octo_tentacle_complete
    set -l words (commandline -opc)
    while string match -qr '^\w+=' -- $words[1]
        set -e words[1]
    end
    # The last word may have a quote that is open.
    set -l typed (commandline -ct)
    set -l word (string unescape -- "$typed"; or string unescape -- "$typed'"; or string unescape -- "$typed\""; or printf '%s\n' "$typed")

    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    command -sq -- $program; or set program octo-tentacle
    set -l output (command $program __complete $words[2..-1] "$word" 2>/dev/null </dev/null)
    or return

    switch "$output[1]"
        case ':words*'
            printf '%s\n' $output[2..-1]
        case ':files*' ':folders*'
            set -l prefix (string replace -r '^:\w+ ?' '' -- $output[1])
            set -l file (string sub -s (math (string length -- "$prefix") + 1) -- "$word")
            set -l home
            if test -z "$prefix"; and string match -q '~/*' -- $file # which stays as it is
                set home '~/'
                set file (string sub -s 3 -- $file)
            end
            set -l names (complete -C "'' $home"(string escape -- "$file"))
            if string match -q ':folders*' -- $output[1]
                set names (string match -r '.*/(?=\t|$)' -- $names)
            end
            printf '%s\n' "$prefix"$names
    end
end

complete -c octo-tentacle -e
complete -c octo-tentacle -f -a '(__octo_tentacle_complete)'
