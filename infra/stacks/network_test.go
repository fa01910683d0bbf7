package stacks_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orcray/orcray/infra/stacks"
)

// rules writes the rules of the security groups as “from → to port”.
func rules(w *world) []string {
	var all []string
	group := func(r resource, property string) string { return strings.TrimSuffix(r.text(property), "Group.GroupId") }
	other := func(r resource, kind string) string {
		for _, property := range []string{"CidrIp", kind + "SecurityGroupId", "DestinationPrefixListId"} {
			if r.at(property) != nil {
				return group(r, property)
			}
		}
		return "?"
	}
	ports := func(r resource) string {
		if r.text("IpProtocol") == "-1" {
			return "all"
		}
		if from, to := r.text("FromPort"), r.text("ToPort"); from != to {
			return from + "-" + to
		}
		return r.text("FromPort")
	}
	for _, r := range w.of("AWS::EC2::SecurityGroupIngress") {
		all = append(all, "into "+group(r, "GroupId")+" from "+other(r, "Source")+" "+ports(r))
	}
	for _, r := range w.of("AWS::EC2::SecurityGroupEgress") {
		if r.text("CidrIp") != "255.255.255.255/32" { // the CDK's way to say nothing
			all = append(all, "out of "+group(r, "GroupId")+" to "+other(r, "Destination")+" "+ports(r))
		}
	}
	slices.Sort(all)
	return all
}

func TestA8_TheNetworkLetsThroughWhatTheTableSays(t *testing.T) {
	want := []string{
		"into Cells from Functions 8700",
		"into ControlEndpoints from Functions 443",
		"into ControlEndpoints from Ray 443",
		"into Ray from Functions 8265",
		"into Ray from Functions 8700",
		"into Ray from Ray 0-65535",
		"into StartEndpoints from Cells 443",
		"into StartEndpoints from Ray 443",
		"out of Cells to S3PrefixList.PrefixLists.0.PrefixListId 443",
		"out of Cells to StartEndpoints 443",
		"out of Functions to 0.0.0.0/0 all",
		"out of Ray to 0.0.0.0/0 all",
	}
	everywhere(t, func(t *testing.T, w *world) {
		same(t, "the network", strings.Join(rules(w), "\n"), strings.Join(want, "\n"))
		for _, r := range w.of("AWS::EC2::SecurityGroup") {
			if r.at("SecurityGroupIngress") != nil || r.at("SecurityGroupEgress") != nil {
				t.Errorf("%s has rules of its own", r.id)
			}
		}
	})
}

func TestA8_TheNetworkHasNoWayToTheInternet(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, kind := range []string{"AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::EgressOnlyInternetGateway", "AWS::EC2::Route"} {
			if found := w.of(kind); len(found) > 0 {
				t.Errorf("there is %s %s", kind, found[0].id)
			}
		}
		for _, r := range w.of("AWS::ECS::Service") {
			same(t, r.id+"'s public address", r.text("NetworkConfiguration", "AwsvpcConfiguration", "AssignPublicIp"), "DISABLED")
		}
		var services []string
		interfaces := 0
		for _, r := range w.of("AWS::EC2::VPCEndpoint") {
			services = append(services, strings.TrimPrefix(r.text("ServiceName"), "com.amazonaws.Region."))
			if r.text("VpcEndpointType") == "Interface" {
				interfaces++
				same(t, r.id+"'s private names", r.text("PrivateDnsEnabled"), true)
			}
		}
		slices.Sort(services)
		same(t, "the interface endpoints that cost", interfaces, len(stacks.Endpoints()))
		same(t, "the endpoints", services, "[cognito-idp dynamodb ecr.api ecr.dkr ecs logs s3 secretsmanager sts]")
	})
}

// What a program reads must not leave through S3 into somebody else's bucket: the way there ends at ours.
func TestA8_TheWayToS3LeadsToOurBucketOnly(t *testing.T) {
	w := in(t, "prod")
	for _, r := range w.of("AWS::EC2::VPCEndpoint") {
		if !strings.HasSuffix(r.text("ServiceName"), ".s3") {
			continue
		}
		var resources []string
		for _, s := range r.list("PolicyDocument", "Statement") {
			resources = append(resources, w.words(walk(s, "Resource"))...)
		}
		same(t, "what S3 may be asked for", resources, "[DataBucket DataBucket/* arn:aws:s3:::prod-Region-starport-layer-bucket/*]")
		return
	}
	t.Error("there is no endpoint of S3")
}

// EC2 takes few characters in these, and says so only when a stack is deployed.
func TestA3_DescriptionsOfSecurityGroupsAreThoseThatEC2Takes(t *testing.T) {
	fine := regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{0,255}$`)
	w := in(t, "prod")
	for _, kind := range []string{"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"} {
		for _, r := range w.of(kind) {
			for _, property := range []string{"GroupDescription", "Description"} {
				if !fine.MatchString(r.text(property)) {
					t.Errorf("%s: EC2 does not take %q", r.id, r.text(property))
				}
			}
		}
	}
}

func TestA8_HeadWorkersAndCellsAreWhatTheEnvironmentSays(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		c := w.config
		services := byName(w, "AWS::ECS::Service", "ServiceName")
		same(t, "the services", names(services), "[cells head]")
		same(t, "heads before anybody asks", services["head"].text("DesiredCount"), 0)
		same(t, "warm cells", services["cells"].text("DesiredCount"), c.CellsWarm)
		same(t, "heads at most", services["head"].text("DeploymentConfiguration", "MaximumPercent"), 100)
		same(t, "the group of cells", services["cells"].text("NetworkConfiguration", "AwsvpcConfiguration", "SecurityGroups", 0), "CellsGroup.GroupId")
		same(t, "the group of the head", services["head"].text("NetworkConfiguration", "AwsvpcConfiguration", "SecurityGroups", 0), "RayGroup.GroupId")
		for name, size := range map[string]struct{ cpu, memory, store int }{
			"head":   {c.Head.CPU, c.Head.Memory, c.Head.Store},
			"worker": {c.Worker.CPU, c.Worker.Memory, c.Worker.Store},
			"cell":   {c.Cell.CPU, c.Cell.Memory, c.Cell.Store}} {
			r := byName(w, "AWS::ECS::TaskDefinition", "Family")[name]
			same(t, name+"'s CPU", r.text("Cpu"), size.cpu)
			same(t, name+"'s memory", r.text("Memory"), size.memory)
			same(t, name+"'s command", r.at("ContainerDefinitions", 0, "Command"), "[orcray-"+name+"]")
			same(t, name+"'s object store", r.text("ContainerDefinitions", 0, "LinuxParameters", "Tmpfs", 0, "ContainerPath"), "/ray_shm")
			same(t, name+"'s capabilities", r.at("ContainerDefinitions", 0, "LinuxParameters", "Capabilities", "Drop"), "[ALL]")
			if got := r.at("ContainerDefinitions", 0, "LinuxParameters", "Tmpfs", 0, "Size").(float64); int(got) < size.store || int(got) > size.memory/2 {
				t.Errorf("%s's object store of %d MiB does not fit a tmpfs of %v MiB", name, size.store, got)
			}
		}
	})
}
