namespace DistTrain.Kernels;

/// <summary>The three products of a dense layer through register tiles; bias and epilogue act on the accumulators.</summary>
internal sealed unsafe class LinearCpu(CpuDevice device) : ILinear
{
    public void Forward(int rows, int inputs, int outputs, View x, View w, View bias, View y, Epilogue epilogue)
    {
        LinearReference.CheckForward(rows, inputs, outputs, x, w, bias, y);
        new Product
        {
            Rows = rows, Columns = outputs, Depth = inputs,
            A = x.Floats(), ARow = inputs, ADepth = 1,
            B = w.Floats(), BDepth = 1, BColumn = inputs,
            C = y.Floats(), CRow = outputs, CColumn = 1,
            ColumnBias = bias.Floats(), Relu = epilogue == Epilogue.Relu,
        }.Run(device);
    }

    public void BackwardInput(int rows, int inputs, int outputs, View dy, View w, View dx)
    {
        LinearReference.CheckBackwardInput(rows, inputs, outputs, dy, w, dx);
        new Product
        {
            Rows = rows, Columns = inputs, Depth = outputs,
            A = dy.Floats(), ARow = outputs, ADepth = 1,
            B = w.Floats(), BDepth = inputs, BColumn = 1,
            C = dx.Floats(), CRow = inputs, CColumn = 1,
        }.Run(device);
    }

    public void BackwardWeights(Segments segments, int rowsPerSample, int inputs, int outputs, View x, View dy, View dw, View dBias)
    {
        LinearReference.CheckBackwardWeights(segments, rowsPerSample, inputs, outputs, x, dy, dw, dBias);
        var product = new Product
        {
            Rows = outputs, Columns = inputs, Depth = segments.Samples * rowsPerSample,
            A = dy.Floats(), ARow = 1, ADepth = outputs,
            B = x.Floats(), BDepth = inputs, BColumn = 1,
            C = dw.Floats(), CRow = inputs, CColumn = 1,
        };
        product.Run(device, segments, rowsPerSample);
        if (dBias.IsNone) return;
        // A row of ones times dy: fma(1, dy, sum) is sum + dy.
        var runs = TileRuns.Count(segments, rowsPerSample);
        var tables = (int*)device.SharedScratch(2L * runs);
        TileRuns.Fill(segments, rowsPerSample, tables, tables + runs);
        var parts = Math.Max(1, ColumnSums<Lane512>.Parts(device, outputs, product.Depth));
        if (device.InstructionSet == InstructionSet.Vector512)
        {
            var sums = new ColumnSums<Lane512>(device, dy.Floats(), outputs, dBias.Floats(), tables, tables + runs, runs, TileRuns.StackDepth(segments), parts);
            device.Run(ref sums, parts);
        }
        else
        {
            var sums = new ColumnSums<Lane256>(device, dy.Floats(), outputs, dBias.Floats(), tables, tables + runs, runs, TileRuns.StackDepth(segments), parts);
            device.Run(ref sums, parts);
        }
    }
}
