{{/* What the pass does in the namespace of the workflows, and nothing else: no exec, no Secrets, no update. */}}
{{- define "reconciler.workflowRules" -}}
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, create, patch, delete, deletecollection]
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, create, patch, delete, deletecollection]
- apiGroups: [""]
  resources: [events]
  verbs: [list]
{{- with .Values.workflows.rules }}
{{ toYaml . }}
{{- end }}
{{- end -}}
