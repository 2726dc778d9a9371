{{/* The pod of a role; `row` is its row of the table. */}}
{{- define "isobar.pod" -}}
{{- $root := .root -}}
{{- $role := .role -}}
{{- $values := get .root.Values.roles .role -}}
{{- $secrets := include "isobar.secrets" . | fromJsonArray -}}
{{- $redirect := int (include "isobar.setting" (dict "root" .root "path" "api.tls.redirect_port")) -}}
{{- $isSecure := include "isobar.setting" (dict "root" .root "path" "api.tls.certificate_file") -}}
{{- $stop := include "isobar.setting" (dict "root" .root "path" "stop_s") -}}
{{- $isServing := eq .role "serve" -}}
{{- $hasAlerts := and .root.Values.alerts (has .role (list "serve" "alerts")) -}}
{{- $files := include "isobar.files" . | fromJsonArray -}}
metadata:
  labels:
    {{- include "isobar.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .role }}
  annotations:
    checksum/config: {{ list .root.Values.config .root.Values.alerts | toJson | sha256sum }}
    {{- with $values.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "isobar.fullname" .root }}
  automountServiceAccountToken: false
  # Their variables would be taken for settings: ISOBAR_API_PORT=tcp://…
  enableServiceLinks: false
  # What stopping waits for, and the rest of it.
  terminationGracePeriodSeconds: {{ add 40 (int ($stop | default 20)) }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: {{ .root.Values.security.user }}
    runAsGroup: {{ .root.Values.security.group }}
    fsGroup: {{ .root.Values.security.group }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  containers:
    - name: isobar
      image: {{ include "isobar.image" .root | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: [isobar]
      args: {{ .row.command | toJson }}
      env:
        - name: ISOBAR_CONFIG
          value: /etc/isobar/config/isobar.yaml
        - name: ISOBAR_DATA
          value: /var/lib/isobar
        - name: ISOBAR_COLLECTOR_SOURCE
          value: {{ include "isobar.source" . }}
        {{- if not $isServing }}
        - name: ISOBAR_HEALTH_HOST
          value: {{ .root.Values.config.health.host | default .root.Values.config.api.host | quote }}
        - name: ISOBAR_HEALTH_PORT
          value: {{ .root.Values.config.health.port | quote }}
        {{- end }}
        {{- if $hasAlerts }}
        - name: ISOBAR_ALERTS_FILE
          value: /etc/isobar/config/alerts.yaml
        {{- end }}
        {{- range $secrets }}
        - name: ISOBAR_{{ . | replace "." "_" | upper }}_FILE
          value: /run/secrets/isobar/{{ . }}
        {{- end }}
        {{- range $name, $value := $values.env }}
        - name: {{ $name }}
          value: {{ $value | quote }}
        {{- end }}
      ports:
        {{- if $isServing }}
        - name: api
          containerPort: {{ .root.Values.config.api.port }}
          protocol: TCP
        {{- if $redirect }}
        - name: redirect
          containerPort: {{ $redirect }}
          protocol: TCP
        {{- end }}
        {{- else }}
        - name: health
          containerPort: {{ .root.Values.config.health.port }}
          protocol: TCP
        {{- end }}
      startupProbe:
        {{- include "isobar.probe" (dict "path" "/livez" "isServing" $isServing "isSecure" $isSecure) | nindent 8 }}
        periodSeconds: 5
        failureThreshold: 60
      livenessProbe:
        {{- include "isobar.probe" (dict "path" "/livez" "isServing" $isServing "isSecure" $isSecure) | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        {{- include "isobar.probe" (dict "path" "/readyz" "isServing" $isServing "isSecure" $isSecure) | nindent 8 }}
        periodSeconds: 5
        timeoutSeconds: 5
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        privileged: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: data
          mountPath: /var/lib/isobar
        - name: tmp
          mountPath: /tmp
        - name: config
          mountPath: /etc/isobar/config
          readOnly: true
        {{- if $files }}
        - name: files
          mountPath: /etc/isobar/files
          readOnly: true
        {{- end }}
        {{- if $secrets }}
        - name: secrets
          mountPath: /run/secrets/isobar
          readOnly: true
        {{- end }}
  volumes:
    {{- if not .row.state }}
    - name: data
      emptyDir:
        sizeLimit: {{ $values.storage.size }}
    {{- end }}
    - name: tmp
      emptyDir:
        sizeLimit: 1Gi
    - name: config
      projected:
        defaultMode: 0440
        sources:
          - configMap:
              name: {{ include "isobar.fullname" .root }}
              items:
                - key: isobar.yaml
                  path: isobar.yaml
                {{- if $hasAlerts }}
                - key: alerts.yaml
                  path: alerts.yaml
                {{- end }}
    {{- if $files }}
    - name: files
      projected:
        defaultMode: 0440
        sources:
          {{- range $files }}
          {{- $file := get $root.Values.files . }}
          - {{ ternary "secret" "configMap" (hasKey $file "secret") }}:
              name: {{ $file.secret | default $file.configMap }}
              items:
                - key: {{ $file.key }}
                  path: {{ . }}
          {{- end }}
    {{- end }}
    {{- if $secrets }}
    - name: secrets
      projected:
        defaultMode: 0440
        sources:
          {{- range $secrets }}
          {{- with get $root.Values.secrets . }}
          - secret:
              name: {{ .secret }}
              items:
                - key: {{ .key }}
          {{- end }}
                  path: {{ . }}
          {{- end }}
    {{- end }}
  {{- range $name := list "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" }}
  {{- with get $values $name }}
  {{ $name }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}

{{- define "isobar.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ ternary "api" "health" .isServing }}
  {{- if and .isServing .isSecure }}
  scheme: HTTPS
  {{- end }}
{{- end -}}

{{/* Names of the files that a role gets, as a list in JSON. */}}
{{- define "isobar.files" -}}
{{- $role := .role -}}
{{- $names := list -}}
{{- range $name, $file := .root.Values.files -}}
{{- if or (not $file.roles) (has $role $file.roles) -}}{{- $names = append $names $name -}}{{- end -}}
{{- end -}}
{{- $names | toJson -}}
{{- end -}}
