using System.Text;
using DistTrain.Contracts;
using DistTrain.Training.Specs;

namespace DistTrain.Tests.Specs;

public sealed class JobFileTests
{
    private const string Head = "apiVersion: disttrain/v1\nkind: TrainingJob\nmetadata: { name: probe }\n";

    [Fact]
    public void A_full_job_reads_field_by_field()
    {
        var spec = Read("""
            apiVersion: disttrain/v1
            kind: TrainingJob
            metadata: { name: mnist-lenet }
            spec:
              data: { format: { digits: { train: 300 } }, path: data/mnist, standardize: false }
              model:
                - conv2d: { out: 6, kernel: [5, 5], padding: 2 }
                - relu
                - linear: 10
              loss: mse
              optimizer: { adam: { lr: 1e-3 } }
              schedule: { cosine: { warmupSteps: 200 } }
              training: { epochs: 5, batchSize: 128, microBatches: 8, clipNorm: 1.5, seed: 18446744073709551615, evaluateEvery: 50, onNonFinite: halt }
              cluster: { workers: 2..8, shards: 3, processes: 4, computeThreads: 1, device: "gpu:0" }
              checkpoint: { path: kept/here, every: 500steps, keep: { last: 7, best: testAccuracy } }
            """).Spec;
        Assert.Equal("mnist-lenet", spec.Name);
        Assert.Equal(("digits", """{"train":300}""", "data/mnist", false), (spec.Data.Format.Name, spec.Data.Format.Options!.ToJsonString(), spec.Data.Path, spec.Data.Standardize));
        Assert.Equal(["conv2d", "relu", "linear"], spec.Model.Select(l => l.Name));
        Assert.Equal(["""{"out":6,"kernel":[5,5],"padding":2}""", null, """{"":10}"""], spec.Model.Select(l => l.Options?.ToJsonString()));
        Assert.Equal("mse", spec.Loss.Name);
        Assert.Equal("""{"lr":0.001}""", spec.Optimizer.Options!.ToJsonString());
        Assert.Equal("""{"warmupSteps":200}""", spec.Schedule.Options!.ToJsonString());
        Assert.Equal(new TrainingSpec { Epochs = 5, BatchSize = 128, MicroBatches = 8, ClipNorm = 1.5, Seed = ulong.MaxValue, EvaluateEvery = 50, OnNonFinite = "halt" }, spec.Training);
        Assert.Equal(new ClusterSpec { Workers = 2, MaxWorkers = 8, Shards = 3, Processes = 4, ComputeThreads = 1, Device = "gpu:0" }, spec.Cluster);
        Assert.Equal(new CheckpointSpec { Path = "kept/here", Every = "500steps", KeepLast = 7, KeepBest = "testAccuracy" }, spec.Checkpoint);
    }

    [Fact]
    public void What_a_file_leaves_out_has_the_default_of_its_record()
    {
        var spec = Read(Head + "spec:\n  training:\n").Spec;
        Assert.Equal(SpecWriter.ToJson(new JobSpec { Name = "probe" }).ToJsonString(), SpecWriter.ToJson(spec).ToJsonString());
    }

    [Fact]
    public void A_value_that_is_no_number_does_not_hide_what_stands_beside_it()
    {
        AssertProblems(Head + "spec: { model: [{ conv2d: { out: .inf, kernel: 0, pad: 1 } }, { linear: -5 }], optimizer: { adam: { lr: .nan, beta1: 2, betaX: 3 } } }",
            "job.yaml:4:34: spec.model[0].conv2d.out is .inf. It must be a finite number that 64 bits can hold.",
            "job.yaml:4:48: spec.model[0].conv2d.kernel is 0. It must be a whole number, or two (height, width), between 1 and 4096.",
            "job.yaml:4:56: spec.model[0].conv2d.pad is not an option of conv2d. It takes out, kernel, stride, padding, dilation, groups, bias, flipped, weightInit, biasInit.",
            "job.yaml:4:73: spec.model[1].linear is -5. It must be a whole number, between 1 and 16777216.",
            "job.yaml:4:105: spec.optimizer.adam.lr is .nan. It must be a finite number that 64 bits can hold.",
            "job.yaml:4:118: spec.optimizer.adam.beta1 is 2. It must be a finite number, at least 0 and below 1.",
            "job.yaml:4:128: spec.optimizer.adam.betaX is not an option of adam. It takes lr, beta1, beta2, epsilon, weightDecay. Did you mean beta1?");
    }

    [Fact]
    public void Every_problem_is_reported_at_once_with_its_place_and_what_to_do()
    {
        AssertProblems("""
            apiVersion: disttrain/v2
            metadata: { name: My Job }
            spec:
              optimiser: adam
              data: { standardize: yes }
              training:
                epochs: 0
                batchSize: 1e3
                seed: -1
                clipNorm: .nan
                precision: fp16
                epoch: 3
              cluster: { workers: 9..2, shards: 99999999999999999999, device: tpu }
              checkpoint: { every: 5, keep: { best: testloss } }
              model: []
            """,
            "job.yaml:1:1: kind is missing. It must be TrainingJob.",
            "job.yaml:1:13: apiVersion is disttrain/v2. It must be disttrain/v1.",
            "job.yaml:2:19: metadata.name is My Job. It must be lower-case letters, digits and dashes, at most 63, such as mnist-lenet.",
            "job.yaml:4:3: spec.optimiser is not a field of a job. Did you mean optimizer? spec has data, model, init, loss, optimizer, schedule, training, cluster, checkpoint, diagnosis.",
            "job.yaml:5:24: spec.data.standardize is yes. It must be true or false.",
            "job.yaml:7:13: spec.training.epochs is 0. It must be a whole number from 1 to 1000000.",
            "job.yaml:8:16: spec.training.batchSize is 1e3. It must be a whole number from 1 to 1048576.",
            "job.yaml:9:11: spec.training.seed is -1. It must be a whole number from 0 to 18446744073709551615.",
            "job.yaml:10:15: spec.training.clipNorm is .nan. It must be a finite number from 0 to 1E+30.",
            "job.yaml:11:16: spec.training.precision is fp16. It must be fp32.",
            "job.yaml:12:5: spec.training.epoch is not a field of a job. Did you mean epochs? spec.training has epochs, batchSize, microBatches, sampling, clipNorm, clipValue, clipTensorNorm, l1, l2, parameters, earlyStop, seed, precision, determinism, evaluateEvery, onNonFinite.",
            "job.yaml:13:23: spec.cluster.workers is 9..2. It must be a whole number from 1 to 1024, or a range such as 2..8.",
            "job.yaml:13:37: spec.cluster.shards is 99999999999999999999. It must be a whole number from 1 to 1024.",
            "job.yaml:13:67: spec.cluster.device is tpu. It must be auto, cpu or gpu:0.",
            "job.yaml:14:24: spec.checkpoint.every is 5. It must be 1epoch, 500steps or never.",
            "job.yaml:14:41: spec.checkpoint.keep.best is testloss. It must be testLoss, testAccuracy or none. Did you mean testLoss?",
            "job.yaml:15:10: spec.model is an empty list. Name a model or list at least one layer.");
    }

    [Theory]
    [InlineData("spec: { training: { epochs: \"5\" } }", "job.yaml:4:29: spec.training.epochs is the text \"5\". It must be a whole number from 1 to 1000000.")]
    [InlineData("spec: { training: { epochs: [5] } }", "job.yaml:4:29: spec.training.epochs is a list. It must be a whole number from 1 to 1000000.")]
    [InlineData("spec: { training: { epochs: } }", "job.yaml:4:29: spec.training.epochs is empty. It must be a whole number from 1 to 1000000.")]
    [InlineData("spec: { training: { clipNorm: 1e999 } }", "job.yaml:4:31: spec.training.clipNorm is 1e999. It must be a finite number from 0 to 1E+30.")]
    [InlineData("spec: { training: { clipNorm: -.inf } }", "job.yaml:4:31: spec.training.clipNorm is -.inf. It must be a finite number from 0 to 1E+30.")]
    [InlineData("spec: { training: 5 }", "job.yaml:4:19: spec.training is 5. It must be a mapping with epochs, batchSize, microBatches, sampling, clipNorm, clipValue, clipTensorNorm, l1, l2, parameters, earlyStop, seed, precision, determinism, evaluateEvery, onNonFinite.")]
    [InlineData("spec: { optimizer: { type: adam, lr: 1 } }", "job.yaml:4:20: spec.optimizer has the keys type, lr. It must be one name with its options inside, such as {adam: {lr: 0.001}}.")]
    [InlineData("spec: { optimizer: { adam: { lr: .inf } } }", "job.yaml:4:34: spec.optimizer.adam.lr is .inf. It must be a finite number that 64 bits can hold.")]
    [InlineData("spec: { model: [ relu, 5 ] }", "job.yaml:4:24: spec.model[1] is 5. It must be a name, or one name with its options, such as {adam: {lr: 0.001}}.")]
    [InlineData("spec: { loss: mse, loss: b }", "job.yaml:4:20: the key loss is here a second time; the first is in line 4. Keep one of them.")]
    [InlineData("spec: { data: { path: !!python/object x } }", "job.yaml:4:23: the tag tag:yaml.org,2002:python/object has no meaning in a job file. Remove it.")]
    [InlineData("spec: {}\n---\nspec: {}", "job.yaml:5:1: a second document starts here. A job file holds one job; put the other into a file of its own.")]
    [InlineData("spec:\n\tdata: digits", "job.yaml:5:1: the line is indented with a tab. YAML allows spaces only; replace it by two spaces.")]
    [InlineData("? [a]\n: b", "job.yaml:4:3: a key must be a name, not a list or a mapping.")]
    [InlineData("spec: *nothing", "job.yaml:4:7: *nothing refers to an anchor that is not complete at this place. Define &nothing before it is used.")]
    [InlineData("\"\\e[31m\": 1", "job.yaml:4:1: ?[31m is not a field of a job. The file has metadata, spec, apiVersion, kind.")]
    public void A_wrong_line_says_what_is_set_and_what_it_must_be(string line, string problem) => AssertProblems(Head + line, problem);

    [Fact]
    public void Components_are_held_against_the_catalogue_in_the_same_pass()
    {
        var problems = Problems(Head + """
            spec:
              data: { format: { digits: { train: 0 } } }
              model: [ { conv2d: { out: 6, kernl: 5 } }, rellu, lenet, { linear: -3 } ]
              optimizer: { adma: { lr: 1e-3 } }
              loss: { crossEntropy: { labelSmoothing: 2 } }
              schedule: { cosine: { warmupSteps: 1.5 } }
              training: { epochs: 0 }
            """).ToArray();
        string[] begins =
        [
            "job.yaml:5:38: spec.data.format.digits.train is 0. It must be a whole number, between 1 and 1000000.",
            "job.yaml:6:22: spec.model[0].conv2d.kernel is not set. It must be a whole number, or two (height, width), between 1 and ",
            "job.yaml:6:39: spec.model[0].conv2d.kernl is not an option of conv2d. It takes out, kernel, ",
            "job.yaml:6:46: spec.model[1] is rellu. It must be one of ",
            "job.yaml:6:53: spec.model[2] is lenet, a whole model. It must stand alone: spec.model: lenet",
            "job.yaml:6:70: spec.model[3].linear is -3. It must be a whole number, between 1 and ",
            "job.yaml:7:14: spec.optimizer is adma. It must be one of ",
            "job.yaml:8:43: spec.loss.crossEntropy.labelSmoothing is 2. It must be a finite number, at least 0 and below 1.",
            "job.yaml:9:38: spec.schedule.cosine.warmupSteps is 1.5. It must be a whole number, 0 or more.",
            "job.yaml:10:23: spec.training.epochs is 0. It must be a whole number from 1 to 1000000.",
        ];
        Assert.Equal(begins.Length, problems.Length);
        for (var i = 0; i < begins.Length; i++) Assert.StartsWith(begins[i], problems[i], StringComparison.Ordinal);
        Assert.EndsWith("Did you mean kernel?", problems[2], StringComparison.Ordinal);
        Assert.EndsWith("Did you mean relu?", problems[3], StringComparison.Ordinal);
        Assert.EndsWith("Did you mean adam?", problems[6], StringComparison.Ordinal);
    }

    [Fact]
    public void Text_that_is_no_yaml_is_named_with_its_place()
    {
        var problem = Assert.Single(Problems(Head + "spec: { a: b"));
        Assert.StartsWith("job.yaml:", problem, StringComparison.Ordinal);
        Assert.Contains("this is not YAML: ", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# only a comment\n")]
    [InlineData("---\n")]
    public void An_empty_file_says_how_to_write_one(string text) =>
        AssertProblems(text, "job.yaml: the file is empty. Write one with: disttrain init NAME");

    [Fact]
    public void A_job_may_use_a_few_aliases()
    {
        var spec = Read(Head + "spec:\n  model: [ &block { linear: 10 }, relu, *block ]\n").Spec;
        Assert.Equal(["linear", "relu", "linear"], spec.Model.Select(l => l.Name));
    }

    [Fact]
    public void Alias_bombs_deep_nests_and_long_lists_are_refused_quickly()
    {
        var bomb = new StringBuilder(Head + "spec:\n  l0: &l0 [x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 9; i++) bomb.Append($"  l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat($"*l{i - 1}", 7))}]\n");
        Assert.Contains("with its aliases the file has more than 20,000 values", Assert.Single(Problems(bomb.ToString())), StringComparison.Ordinal);
        Assert.Contains("more than 64 aliases are used. Write the values out.", Assert.Single(Problems(Head + $"a: &a x\nb: [{string.Join(", ", Enumerable.Repeat("*a", 100))}]")), StringComparison.Ordinal);
        Assert.Contains("nested deeper than 32 here", Assert.Single(Problems(Head + "spec: " + new string('[', 100_000))), StringComparison.Ordinal);
        Assert.Contains("more than 20,000 values", Assert.Single(Problems(Head + "spec: [" + string.Join(",", Enumerable.Repeat("1", 30_000)) + "]")), StringComparison.Ordinal);
        Assert.Contains("*a refers to an anchor that is not complete at this place", Assert.Single(Problems(Head + "spec: &a [*a]")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_too_large_or_not_utf8_is_refused()
    {
        Assert.Equal("job.yaml: the file is larger than 1 MiB. A job file must be smaller; data belongs into spec.data.path.", Assert.Single(Problems(new byte[(1 << 20) + 1])));
        Assert.Equal("job.yaml:4:3: the bytes here are not UTF-8. Save the file as UTF-8.", Assert.Single(Problems([.. Encoding.UTF8.GetBytes(Head), (byte)'a', (byte)':', 0xff, 0xfe])));
        Assert.Equal("job.yaml: the text is UTF-16. Save it as UTF-8.", Assert.Single(Problems([0xff, 0xfe, (byte)'a', 0])));
        Assert.Equal("probe", JobFile.Parse([0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Head)], "job.yaml").Spec.Name);
    }

    [Fact]
    public void Json_reads_to_the_same_job_and_its_problems_have_places_too()
    {
        var spec = JobFile.Parse("""{"apiVersion":"disttrain/v1","kind":"TrainingJob","metadata":{"name":"probe"},"spec":{"optimizer":{"sgd":{"lr":1e-1}},"training":{"epochs":2}}}"""u8, "job.json", json: true).Spec;
        Assert.Equal(("sgd", 2), (spec.Optimizer.Name, spec.Training.Epochs));
        var error = Assert.Throws<SpecException>(() => JobFile.Parse("{\n  \"apiVersion\": \"disttrain/v1\", \"kind\": \"TrainingJob\",\n  \"metadata\": {\"name\": \"a\", \"name\": \"b\"},\n  \"spec\": {\"training\": {\"epochs\": -3}}\n}"u8, "job.json", json: true));
        Assert.Equal(["job.json:3:29: the key name is here a second time; the first is in line 3. Keep one of them.", "job.json:4:35: spec.training.epochs is -3. It must be a whole number from 1 to 1000000."], error.Problems.Select(p => p.ToString()));
    }

    [Theory]
    [InlineData("{", "job.json:1:2: this is not JSON: ")]
    [InlineData("{} {}", "job.json:1:4: this is not JSON: ")]
    [InlineData("[1]", "job.json:1:1: the file is not a mapping. It must have apiVersion, kind, metadata and spec; see: disttrain init NAME")]
    [InlineData("  ", "job.json: the file is empty. Write one with: disttrain init NAME")]
    [InlineData("{\"a\":\"\\ud800\"}", "job.json:1:6: the text here has half of a surrogate pair")]
    public void Bad_json_is_named_with_its_place(string text, string problem)
    {
        var error = Assert.Throws<SpecException>(() => JobFile.Parse(Encoding.UTF8.GetBytes(text), "job.json", json: true));
        Assert.StartsWith(problem, Assert.Single(error.Problems).ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_writer_writes_reads_back_as_the_same_job()
    {
        var spec = Read(Head + """
            spec:
              data: { format: { digits: { train: 100 } }, path: "a # b: c/\"d\" \u00e9 true", standardize: false }
              model: [ { conv2d: { out: 6, kernel: [5, 5] } }, relu, { linear: 10 } ]
              optimizer: { adam: { lr: 1e-3, beta1: 0.75 } }
              cluster: { workers: 2..8 }
            """).Spec;
        var json = SpecWriter.ToJson(spec).ToJsonString();
        var yaml = SpecWriter.ToYaml(spec);
        Assert.Equal(json, SpecWriter.ToJson(Read(yaml).Spec).ToJsonString());
        Assert.Equal(json, SpecWriter.ToJson(JobFile.Parse(Encoding.UTF8.GetBytes(json), "job.json", json: true).Spec).ToJsonString());
    }

    private static JobFile Read(string text) => JobFile.Parse(Encoding.UTF8.GetBytes(text), "job.yaml");

    private static void AssertProblems(string text, params string[] problems) => Assert.Equal(problems, Problems(text));

    private static IEnumerable<string> Problems(string text) => Problems(Encoding.UTF8.GetBytes(text));

    private static IEnumerable<string> Problems(byte[] text) => Assert.Throws<SpecException>(() => JobFile.Parse(text, "job.yaml")).Problems.Select(p => p.ToString());
}
