namespace DistTrain.Kernels;

/// <summary>Plain vector arithmetic over equal lengths.</summary>
public interface IVector : IOp
{
    /// <summary>y = value.</summary>
    void Fill(View y, float value);

    /// <summary>y = x.</summary>
    void Copy(View x, View y);

    /// <summary>y = y + x.</summary>
    void Add(View x, View y);

    /// <summary>y = fma(scale, x, y).</summary>
    void AddScaled(float scale, View x, View y);
}
