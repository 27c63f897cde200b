# Completion of tandemctl for bash: options, methods, names of profiles and filters.
_tandemctl() {
    local current=${COMP_WORDS[COMP_CWORD]} method= word
    local methods="dlg.stats_active dlg.list dlg.get dlg.end dlg.set_var dlg.get_var dlg.profiles dlg.profile_get_size
        dlg.profile_list dlg.profile_values dlg.audit cdr.list registrar.list trunk.list config.reload healthz readyz
        metrics"
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        [[ " ${methods//$'\n'/ } " == *" $word "* ]] && method=$word
    done
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "--url --token --json --watch --limit --help" -- "$current"))
    elif [[ -z $method ]]; then
        COMPREPLY=($(compgen -W "$methods" -- "$current"))
    elif [[ $method == dlg.profile_* ]]; then
        COMPREPLY=($(compgen -W "$(tandemctl --json dlg.profiles 2>/dev/null |
            sed -n 's/.*"name": "\([^"]*\)".*/\1/p')" -- "$current"))
    elif [[ $method == dlg.list ]]; then
        compopt -o nospace
        COMPREPLY=($(compgen -W "state= call-id= from= to= trunk= source= profile= value=" -- "$current"))
    elif [[ $method == dlg.end ]]; then
        COMPREPLY=($(compgen -W "admin expired limit probe" -- "$current"))
    fi
}
complete -F _tandemctl tandemctl
