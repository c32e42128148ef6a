// The structs into which the Go client of Nomad 1.0 decodes what an agent answers, as facts: names
// and kinds. What is marked as required, its command line follows without looking.
#pragma once

namespace drover::agent {

inline constexpr const char* client_types = R"(
Job
  ID string! Name string! Region string! Namespace string! Type string! Priority int!
  Status string! StatusDescription string Stop bool! Stable bool! Version uint64!
  SubmitTime int64! CreateIndex uint64! ModifyIndex uint64! JobModifyIndex uint64!
  ParentID string AllAtOnce bool Datacenters []string! Constraints []Constraint
  Affinities []Affinity TaskGroups []TaskGroup! Update UpdateStrategy Multiregion Multiregion
  Spreads []Spread Periodic PeriodicConfig ParameterizedJob ParameterizedJobConfig
  Dispatched bool Payload bytes Reschedule ReschedulePolicy Migrate MigrateStrategy
  Meta {}string ConsulToken string VaultToken string VaultNamespace string NomadTokenID string
Constraint
  LTarget string RTarget string Operand string
Affinity
  LTarget string RTarget string Operand string Weight int8
Spread
  Attribute string Weight int8 SpreadTarget []SpreadTarget
SpreadTarget
  Value string Percent uint8
UpdateStrategy
  Stagger int64 MaxParallel int HealthCheck string MinHealthyTime int64 HealthyDeadline int64
  ProgressDeadline int64 Canary int AutoRevert bool AutoPromote bool
Multiregion
  Strategy any Regions []any
PeriodicConfig
  Enabled bool Spec string SpecType string ProhibitOverlap bool TimeZone string
ParameterizedJobConfig
  Payload string MetaRequired []string MetaOptional []string
ReschedulePolicy
  Attempts int! Interval int64! Delay int64 DelayFunction string MaxDelay int64 Unlimited bool
MigrateStrategy
  MaxParallel int HealthCheck string MinHealthyTime int64 HealthyDeadline int64
RestartPolicy
  Interval int64 Attempts int Delay int64 Mode string
EphemeralDisk
  Sticky bool Migrate bool SizeMB int
TaskGroup
  Name string! Count int! Constraints []Constraint Affinities []Affinity Tasks []Task!
  Spreads []Spread Volumes {}VolumeRequest RestartPolicy RestartPolicy
  ReschedulePolicy ReschedulePolicy EphemeralDisk EphemeralDisk Update UpdateStrategy
  Migrate MigrateStrategy Networks []NetworkResource Meta {}string Services []Service
  ShutdownDelay int64 StopAfterClientDisconnect int64 Scaling ScalingPolicy
VolumeRequest
  Name string Type string Source string ReadOnly bool MountOptions any
ScalingPolicy
  ID string Namespace string Type string Target {}string Min int64 Max int64 Policy {}any
  Enabled bool CreateIndex uint64 ModifyIndex uint64
Task
  Name string! Driver string! User string Lifecycle TaskLifecycle Config {}any
  Constraints []Constraint Affinities []Affinity Env {}string Services []Service
  Resources Resources RestartPolicy RestartPolicy Meta {}string KillTimeout int64
  LogConfig LogConfig Artifacts []TaskArtifact Vault Vault Templates []Template
  DispatchPayload DispatchPayloadConfig VolumeMounts []VolumeMount CSIPluginConfig any
  Leader bool ShutdownDelay int64 KillSignal string Kind string ScalingPolicies []ScalingPolicy
TaskLifecycle
  Hook string Sidecar bool
LogConfig
  MaxFiles int MaxFileSizeMB int
TaskArtifact
  GetterSource string GetterOptions {}string GetterHeaders {}string GetterMode string
  RelativeDest string
Vault
  Policies []string Namespace string Env bool ChangeMode string ChangeSignal string
Template
  SourcePath string DestPath string EmbeddedTmpl string ChangeMode string ChangeSignal string
  Splay int64 Perms string LeftDelim string RightDelim string Envvars bool VaultGrace int64
DispatchPayloadConfig
  File string
VolumeMount
  Volume string Destination string ReadOnly bool PropagationMode string
Service
  Name string Tags []string CanaryTags []string EnableTagOverride bool PortLabel string
  AddressMode string Checks []ServiceCheck CheckRestart CheckRestart Connect any
  Meta {}string CanaryMeta {}string TaskName string
ServiceCheck
  Name string Type string Command string Args []string Path string Protocol string
  PortLabel string Expose bool AddressMode string Interval int64 Timeout int64
  InitialStatus string TLSSkipVerify bool Header {}[]string Method string
  CheckRestart CheckRestart GRPCService string GRPCUseTLS bool TaskName string
  SuccessBeforePassing int FailuresBeforeCritical int Body string
CheckRestart
  Limit int Grace int64 IgnoreWarnings bool
Resources
  CPU int MemoryMB int DiskMB int Networks []NetworkResource Devices []RequestedDevice IOPS int
RequestedDevice
  Name string Count uint64 Constraints []Constraint Affinities []Affinity
NetworkResource
  Mode string Device string CIDR string IP string DNS DNSConfig ReservedPorts []Port
  DynamicPorts []Port MBits int
DNSConfig
  Servers []string Searches []string Options []string
Port
  Label string Value int To int HostNetwork string

JobListStub
  ID string! ParentID string Name string! Namespace string! Datacenters []string Type string!
  Priority int! Periodic bool! ParameterizedJob bool! Stop bool! Status string!
  StatusDescription string JobSummary JobSummary! CreateIndex uint64 ModifyIndex uint64
  JobModifyIndex uint64 SubmitTime int64!
JobSummary
  JobID string! Namespace string! Summary {}TaskGroupSummary! Children JobChildrenSummary
  CreateIndex uint64 ModifyIndex uint64
JobChildrenSummary
  Pending int64 Running int64 Dead int64
TaskGroupSummary
  Queued int Complete int Failed int Running int Starting int Lost int
JobRegisterResponse
  EvalID string! EvalCreateIndex uint64 JobModifyIndex uint64 Warnings string
  LastIndex uint64 LastContact int64 KnownLeader bool RequestTime int64
JobDispatchResponse
  DispatchedJobID string! EvalID string EvalCreateIndex uint64 JobCreateIndex uint64!
  LastIndex uint64 RequestTime int64
PeriodicForceResponse
  EvalID string! EvalCreateIndex uint64! LastIndex uint64 RequestTime int64
JobTagResponse
  Name string! Description string! TaggedTime int64! LastIndex uint64 RequestTime int64
JobStabilityResponse
  JobModifyIndex uint64! LastIndex uint64 LastContact int64 KnownLeader bool RequestTime int64
DeploymentUpdateResponse
  EvalID string! EvalCreateIndex uint64 DeploymentModifyIndex uint64 RevertedJobVersion uint64
  LastIndex uint64 LastContact int64 KnownLeader bool RequestTime int64
JobScaleStatusResponse
  JobID string! Namespace string! JobCreateIndex uint64! JobModifyIndex uint64! JobStopped bool!
  TaskGroups {}TaskGroupScaleStatus!
TaskGroupScaleStatus
  Desired int! Placed int! Running int! Healthy int! Unhealthy int! Events []ScalingEvent
ScalingEvent
  Count int64 PreviousCount int64 Error bool Message string Meta {}any EvalID string
  Time uint64 CreateIndex uint64
JobDeregisterResponse
  EvalID string! EvalCreateIndex uint64 JobModifyIndex uint64
  LastIndex uint64 LastContact int64 KnownLeader bool RequestTime int64
JobValidateResponse
  DriverConfigValidated bool! ValidationErrors []string Error string! Warnings string!
JobVersionsResponse
  Versions []Job! Diffs []JobDiff LastIndex uint64 LastContact int64 KnownLeader bool
JobPlanResponse
  JobModifyIndex uint64! CreatedEvals []Evaluation Diff JobDiff! Annotations PlanAnnotations!
  FailedTGAllocs {}AllocationMetric NextPeriodicLaunch time! Warnings string!
PlanAnnotations
  DesiredTGUpdates {}DesiredUpdates! PreemptedAllocs []AllocationListStub
DesiredUpdates
  Ignore uint64 Place uint64 Migrate uint64 Stop uint64 InPlaceUpdate uint64
  DestructiveUpdate uint64 Canary uint64 Preemptions uint64
JobDiff
  Type string! ID string! Fields []FieldDiff Objects []ObjectDiff TaskGroups []TaskGroupDiff
TaskGroupDiff
  Type string! Name string! Fields []FieldDiff Objects []ObjectDiff Tasks []TaskDiff
  Updates {}uint64
TaskDiff
  Type string! Name string! Fields []FieldDiff Objects []ObjectDiff Annotations []string
FieldDiff
  Type string! Name string! Old string! New string! Annotations []string
ObjectDiff
  Type string! Name string! Fields []FieldDiff Objects []ObjectDiff

Evaluation
  ID string! Priority int Type string! TriggeredBy string! Namespace string! JobID string!
  JobModifyIndex uint64 NodeID string! NodeModifyIndex uint64 DeploymentID string! Status string!
  StatusDescription string! Wait int64! WaitUntil time! NextEval string! PreviousEval string!
  BlockedEval string! FailedTGAllocs {}AllocationMetric ClassEligibility {}bool
  EscapedComputedClass bool QuotaLimitReached string AnnotatePlan bool
  QueuedAllocations {}int SnapshotIndex uint64 CreateIndex uint64! ModifyIndex uint64!
  CreateTime int64! ModifyTime int64!
AllocationMetric
  NodesEvaluated int! NodesFiltered int! NodesAvailable {}int ClassFiltered {}int
  ConstraintFiltered {}int NodesExhausted int! ClassExhausted {}int DimensionExhausted {}int
  QuotaExhausted []string Scores {}float64 AllocationTime int64 CoalescedFailures int!
  ScoreMetaData []NodeScoreMeta
NodeScoreMeta
  NodeID string Scores {}float64 NormScore float64
Allocation
  ID string! Namespace string! EvalID string! Name string! NodeID string! NodeName string!
  JobID string! Job Job! TaskGroup string! Resources AllocResources! TaskResources {}TaskResources!
  AllocatedResources AllocatedResources! Services {}string Metrics AllocationMetric!
  DesiredStatus string! DesiredDescription string! DesiredTransition DesiredTransition
  ClientStatus string! ClientDescription string! TaskStates {}TaskState DeploymentID string!
  DeploymentStatus AllocDeploymentStatus FollowupEvalID string! PreviousAllocation string!
  NextAllocation string! RescheduleTracker RescheduleTracker PreemptedAllocations []string
  PreemptedByAllocation string CreateIndex uint64! ModifyIndex uint64! AllocModifyIndex uint64
  CreateTime int64! ModifyTime int64!
AllocResources
  CPU int! MemoryMB int! DiskMB int! Networks []NetworkResource Devices []any IOPS int
TaskResources
  CPU int! MemoryMB int! DiskMB int Networks []NetworkResource Devices []any IOPS int
AllocatedResources
  Tasks {}AllocatedTaskResources! Shared AllocatedSharedResources!
AllocatedTaskResources
  Cpu AllocatedCpuResources! Memory AllocatedMemoryResources! Networks []NetworkResource
  Devices []AllocatedDeviceResource
AllocatedCpuResources
  CpuShares int64!
AllocatedMemoryResources
  MemoryMB int64!
AllocatedDeviceResource
  Vendor string Type string Name string DeviceIDs []string
AllocatedSharedResources
  DiskMB int64! Networks []NetworkResource Ports []PortMapping
PortMapping
  Label string Value int To int HostIP string
DesiredTransition
  Migrate bool Reschedule bool
AllocDeploymentStatus
  Healthy bool Timestamp time Canary bool ModifyIndex uint64
RescheduleTracker
  Events []RescheduleEvent
RescheduleEvent
  RescheduleTime int64 PrevAllocID string PrevNodeID string
TaskState
  State string! Failed bool! Restarts uint64! LastRestart time! StartedAt time!
  FinishedAt time! Events []TaskEvent!
TaskEvent
  Type string! Time int64! DisplayMessage string! Details {}string FailsTask bool
  RestartReason string SetupError string DriverError string DriverMessage string ExitCode int
  Signal int Message string KillReason string KillTimeout int64 KillError string
  StartDelay int64 DownloadError string ValidationError string DiskLimit int64
  FailedSibling string VaultError string TaskSignalReason string TaskSignal string
  GenericSource string
AllocationListStub
  ID string! EvalID string! Name string! Namespace string! NodeID string! NodeName string!
  JobID string! JobType string! JobVersion uint64! TaskGroup string!
  AllocatedResources AllocatedResources DesiredStatus string! DesiredDescription string!
  ClientStatus string! ClientDescription string! TaskStates {}TaskState
  DeploymentStatus AllocDeploymentStatus FollowupEvalID string!
  RescheduleTracker RescheduleTracker PreemptedAllocations []string
  PreemptedByAllocation string CreateIndex uint64! ModifyIndex uint64! CreateTime int64!
  ModifyTime int64!
AllocStopResponse
  EvalID string!

Deployment
  ID string! Namespace string! JobID string! JobVersion uint64! JobModifyIndex uint64
  JobSpecModifyIndex uint64 JobCreateIndex uint64 IsMultiregion bool
  TaskGroups {}DeploymentState! Status string! StatusDescription string! CreateIndex uint64!
  ModifyIndex uint64!
DeploymentState
  PlacedCanaries []string AutoRevert bool! ProgressDeadline int64! RequireProgressBy time!
  Promoted bool! DesiredCanaries int! DesiredTotal int! PlacedAllocs int! HealthyAllocs int!
  UnhealthyAllocs int!

NodeListStub
  Address string ID string! Datacenter string! Name string! NodeClass string! Version string!
  Drain bool! SchedulingEligibility string! Status string! StatusDescription string
  Drivers {}DriverInfo! NodeResources NodeResources ReservedResources NodeReservedResources
  LastDrain any CreateIndex uint64! ModifyIndex uint64!
DriverInfo
  Attributes {}string Detected bool! Healthy bool! HealthDescription string! UpdateTime time!
Node
  ID string! Datacenter string! Name string! HTTPAddr string! TLSEnabled bool!
  Attributes {}string! Resources NodeLegacyResources! Reserved NodeLegacyResources
  NodeResources NodeResources! ReservedResources NodeReservedResources! Links {}string
  Meta {}string NodeClass string! Drain bool! DrainStrategy DrainStrategy
  SchedulingEligibility string! Status string! StatusDescription string StatusUpdatedAt int64!
  Events []NodeEvent! Drivers {}DriverInfo! HostVolumes {}HostVolumeInfo
  CSIControllerPlugins {}any CSINodePlugins {}any LastDrain any CreateIndex uint64!
  ModifyIndex uint64!
NodeLegacyResources
  CPU int! MemoryMB int! DiskMB int! Networks []NetworkResource Devices []any IOPS int
NodeResources
  Cpu NodeCpuResources! Memory NodeMemoryResources! Disk NodeDiskResources!
  Networks []NetworkResource Devices []any
NodeCpuResources
  CpuShares int64! TotalCpuCores uint16 ReservableCpuCores []uint16
NodeMemoryResources
  MemoryMB int64!
NodeDiskResources
  DiskMB int64!
NodeReservedResources
  Cpu NodeReservedCpuResources! Memory NodeReservedMemoryResources!
  Disk NodeReservedDiskResources! Networks NodeReservedNetworkResources!
NodeReservedCpuResources
  CpuShares uint64!
NodeReservedMemoryResources
  MemoryMB uint64!
NodeReservedDiskResources
  DiskMB uint64!
NodeReservedNetworkResources
  ReservedHostPorts string!
DrainStrategy
  Deadline int64 IgnoreSystemJobs bool ForceDeadline time StartedAt time
NodeEvent
  Message string! Subsystem string! Details {}string Timestamp time! CreateIndex uint64
HostVolumeInfo
  Path string ReadOnly bool
HostStats
  Memory HostMemoryStats! CPU []HostCPUStats! DiskStats []HostDiskStats! DeviceStats []any
  Uptime uint64! CPUTicksConsumed float64!
HostMemoryStats
  Total uint64! Available uint64! Used uint64! Free uint64!
HostCPUStats
  CPU string! User float64! System float64! Idle float64!
HostDiskStats
  Device string! Mountpoint string! Size uint64! Used uint64! Available uint64!
  UsedPercent float64! InodesUsedPercent float64!
AllocResourceUsage
  ResourceUsage ResourceUsage! Tasks {}TaskResourceUsage! Timestamp int64!
TaskResourceUsage
  ResourceUsage ResourceUsage! Timestamp int64! Pids {}ResourceUsage
ResourceUsage
  MemoryStats MemoryStats! CpuStats CpuStats! DeviceStats []any
MemoryStats
  RSS uint64! Cache uint64 Swap uint64 Usage uint64! MaxUsage uint64 KernelUsage uint64
  KernelMaxUsage uint64 Measured []string
CpuStats
  SystemMode float64 UserMode float64 TotalTicks float64! ThrottledPeriods uint64
  ThrottledTime uint64 Percent float64! Measured []string

AgentSelf
  config {}any! member AgentMember! stats {}{}string!
ServerMembers
  ServerName string! ServerRegion string! ServerDC string! Members []AgentMember!
AgentMember
  Name string! Addr string! Port uint16! Tags {}string! Status string! ProtocolMin uint8
  ProtocolMax uint8 ProtocolCur uint8! DelegateMin uint8 DelegateMax uint8 DelegateCur uint8
RaftConfiguration
  Servers []RaftServer! Index uint64!
RaftServer
  ID string! Node string! Address string! Leader bool! Voter bool! RaftProtocol string!
StreamFrame
  Offset int64 Data bytes File string FileEvent string
SearchResponse
  Matches {}[]string! Truncations {}bool!
Namespace
  Name string! Description string! CreateIndex uint64 ModifyIndex uint64
)";

}  // namespace drover::agent
