# octo-tentacle fleet: prints which Octopus Servers this Tentacle polls. It changes nothing.
(
LC_ALL=C; export LC_ALL
marker='octo-tentacle-fleet NONCE'
id=$(get_octopusvariable 'Octopus.Machine.Id' 2>/dev/null | tr -cd 'A-Za-z0-9-')
marker="$marker ${id:--}"
failed() { echo "$marker failed $1"; exit 0; }

# The configuration of the instance that runs this script, as its index says.
index="${TentacleMachineConfigurationHomeDirectory:-/etc/octopus}/Tentacle/Instances"
configuration=
if [ -n "$TentacleInstanceName" ]; then
  entry="$index/$(printf %s "$TentacleInstanceName" | tr 'A-Z ' 'a-z-').config"
  if [ -f "$entry" ]; then
    configuration=$(tr '\r\n' '  ' < "$entry" | sed -n 's/.*"ConfigurationFilePath"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' | sed 's/\\\(.\)/\1/g')
  fi
fi
if [ -z "$configuration" ] && [ -n "$TentacleHome" ] && [ -f "$TentacleHome/Tentacle.config" ]; then
  configuration="$TentacleHome/Tentacle.config"
fi
[ -f "$configuration" ] || failed no-configuration
[ -r "$configuration" ] || failed no-access

# Its elements, a line each, without comments.
elements=$(tr '\r\n' '  ' < "$configuration" | awk '{
  while ((i = index($0, "<!--")) > 0) {
    rest = substr($0, i + 4); j = index(rest, "-->")
    $0 = substr($0, 1, i - 1) (j > 0 ? substr(rest, j + 3) : "")
  }
  gsub(/<set[ \t]/, "\n&"); print
}' 2>/dev/null) || failed no-awk
setting() { printf '%s\n' "$elements" | grep -i "^<set[^>]*key *= *[\"']$1[\"']" | tail -n 1; }

thumbprint=$(setting 'tentacle\.certificatethumbprint' | sed 's/^<[^>]*>//; s/<.*//' | tr -cd '0-9A-Fa-f')
form=xml
servers=$(setting 'tentacle\.communication\.trustedoctopusservers' | sed 's#</set>.*#</set>#')
case $OCTOPUS_CONTRIBUTE_ENV_SETTINGS in
  [Tt][Rr][Uu][Ee])
    if [ -n "$TENTACLE_TRUSTED_SERVERS" ]; then form=variable; servers=$TENTACLE_TRUSTED_SERVERS; fi
    if [ -n "$TENTACLE_CERTIFICATE_THUMBPRINT" ]; then thumbprint=$(printf %s "$TENTACLE_CERTIFICATE_THUMBPRINT" | tr -cd '0-9A-Fa-f'); fi ;;
esac

# Subscriptions are cut: nobody who reads the log can poll in the place of this Tentacle.
servers=$(printf '%s\n' "$servers" | sed 's#\([Pp][Oo][Ll][Ll]://[^/"&]\{8\}\)[^/"&]*#\1#g; s#\(SQ-[^"&]\{5\}\)[^"&]*#\1#g')
text=$(printf '1\n%s\n%s\n%s\n' "$form" "$thumbprint" "$servers" | base64 2>/dev/null | tr -d '\r\n')
[ -n "$text" ] || failed no-base64
size=$(printf %s "$text" | wc -c | tr -d ' ')
[ "$size" -le 100000 ] || failed too-long
echo "$marker ok $size $text end"
)
