{{/*
The pod of a pass. Takes a dict: `root`, `args`, `restartPolicy`, `grace`, and perhaps `env`, `probe`, `state`
(a volume source in place of the chart's).
*/}}
{{- define "reconciler.podTemplate" -}}
{{- $root := .root -}}
{{- $v := $root.Values -}}
metadata:
  labels:
    {{- include "reconciler.selectorLabels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $v.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "reconciler.config" $root | sha256sum }}
    {{- with $v.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "reconciler.serviceAccountName" $root }}
  restartPolicy: {{ .restartPolicy }}
  terminationGracePeriodSeconds: 60
  enableServiceLinks: false
  securityContext:
    {{- include "reconciler.podSecurityContext" $root | nindent 4 }}
  {{- with $v.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $v.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $v.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $v.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: reconciler
      image: {{ include "reconciler.image" $root }}
      imagePullPolicy: {{ $v.image.pullPolicy }}
      args: {{ toJson .args }}
      env:
        - {name: RECONCILER_CONFIG, value: /etc/reconciler/reconciler.yaml}
        - {name: HOME, value: /tmp}
        {{- with .env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
        {{- with $v.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .probe }}
      livenessProbe:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- include "reconciler.securityContext" $root | nindent 8 }}
      resources:
        {{- toYaml $v.resources | nindent 8 }}
      volumeMounts:
        - {name: config, mountPath: /etc/reconciler, readOnly: true}
        - {name: state, mountPath: /var/lib/reconciler}
        - {name: tmp, mountPath: /tmp}
        {{- if $v.git.secret }}
        - {name: git, mountPath: /run/secrets/git, readOnly: true}
        {{- end }}
        {{- if $v.git.ledgerSecret }}
        - {name: ledger, mountPath: /run/secrets/ledger, readOnly: true}
        {{- end }}
        {{- if $v.s3.secret }}
        - {name: s3, mountPath: /run/secrets/s3, readOnly: true}
        {{- end }}
        {{- with $v.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap: {name: {{ include "reconciler.fullname" $root }}}
    - name: tmp
      emptyDir: {}
    - name: state
      {{- if or (ne $v.state.kind "pvc") .stateless }}
      emptyDir: {}
      {{- else }}
      persistentVolumeClaim: {claimName: {{ include "reconciler.claimName" $root }}}
      {{- end }}
    {{- if $v.git.secret }}
    - name: git
      secret: {secretName: {{ $v.git.secret }}, defaultMode: 0440}
    {{- end }}
    {{- if $v.git.ledgerSecret }}
    - name: ledger
      secret: {secretName: {{ $v.git.ledgerSecret }}, defaultMode: 0440}
    {{- end }}
    {{- if $v.s3.secret }}
    - name: s3
      secret: {secretName: {{ $v.s3.secret }}, defaultMode: 0440}
    {{- end }}
    {{- with $v.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The data of the ConfigMap; its checksum makes a Deployment start anew when it changes. */}}
{{- define "reconciler.config" -}}
reconciler.yaml: |
  {{- include "reconciler.settings" . | trim | nindent 2 }}
{{- with .Values.git.knownHosts }}
known_hosts: |
  {{- . | trim | nindent 2 }}
{{- end }}
{{- with .Values.git.ca }}
ca.pem: |
  {{- . | trim | nindent 2 }}
{{- end }}
{{- with .Values.git.allowedSigners }}
allowed_signers: |
  {{- . | trim | nindent 2 }}
{{- end }}
{{- end -}}
