{{/* The value of a setting by its path, such as api.port; empty when it is not set. */}}
{{- define "isobar.setting" -}}
{{- $at := .root.Values.config -}}
{{- range splitList "." .path -}}
{{- if kindIs "map" $at -}}{{- $at = get $at . -}}{{- else -}}{{- $at = "" -}}{{- end -}}
{{- end -}}
{{- if not (kindIs "map" $at) -}}{{- $at -}}{{- end -}}
{{- end -}}

{{/* Not empty when one of the conditions of `when` holds, or there are none. */}}
{{- define "isobar.holds" -}}
{{- $root := .root -}}
{{- if not .when -}}true{{- end -}}
{{- range .when -}}
{{- if .secret -}}
{{- if hasKey $root.Values.secrets .secret -}}true{{- end -}}
{{- else -}}
{{- $value := include "isobar.setting" (dict "root" $root "path" .setting) -}}
{{- if eq $value (default "true" .is) -}}true{{- end -}}
{{- if and (not .is) $value (ne $value "false") -}}true{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The roles that run, as JSON: name → row of the table. */}}
{{- define "isobar.roles" -}}
{{- $root := . -}}
{{- $roles := dict -}}
{{- range $name, $row := (.Files.Get "topology.yaml" | fromYaml).roles -}}
{{- $isThere := include "isobar.holds" (dict "root" $root "when" $row.when) -}}
{{- if and $isThere (get $root.Values.roles $name).enabled -}}{{- $_ := set $roles $name $row -}}{{- end -}}
{{- end -}}
{{- $roles | toJson -}}
{{- end -}}

{{/* The services that a role connects to, as a list in JSON. */}}
{{- define "isobar.services" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $services := list -}}
{{- range (.root.Files.Get "topology.yaml" | fromYaml).arrows -}}
{{- if has $role .from -}}
{{- if include "isobar.holds" (dict "root" $root "when" .when) -}}
{{- $services = append $services .to -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $services | uniq | toJson -}}
{{- end -}}

{{/* Settings whose secrets a role gets, as a list in JSON. */}}
{{- define "isobar.secrets" -}}
{{- $root := .root -}}
{{- $table := .root.Files.Get "topology.yaml" | fromYaml -}}
{{- $settings := list -}}
{{- range include "isobar.services" . | fromJsonArray -}}
{{- range (get $table.services .).secrets -}}
{{- if hasKey $root.Values.secrets . -}}{{- $settings = append $settings . -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $settings | sortAlpha | toJson -}}
{{- end -}}

{{/* Where observations come from. All processes have to agree on real or simulated data, and those
     that do not poll have no key. */}}
{{- define "isobar.source" -}}
{{- $hasKey := hasKey .root.Values.secrets "openweather.key" -}}
{{- $source := include "isobar.setting" (dict "root" .root "path" "collector.source") | default "auto" -}}
{{- if and (eq $source "openweathermap") (not $hasKey) -}}
{{- fail "config.collector.source: openweathermap needs secrets.\"openweather.key\"" -}}
{{- end -}}
{{- if eq $source "auto" -}}{{- $source = ternary "openweathermap" "simulator" $hasKey -}}{{- end -}}
{{- if and (ne .role "collect") (eq $source "openweathermap") -}}none{{- else -}}{{- $source -}}{{- end -}}
{{- end -}}
