namespace DistTrain.Kernels;

/// <summary>How two sibling nodes of the micro-batch tree become their parent.</summary>
public interface ITreeFold : IOp
{
    /// <summary>left = left + right.</summary>
    void Sum(View left, View right);

    /// <summary>left = merge(left, right) of triples (count, mean, M2), Chan et al. 1979: n = nL + nR; d = mR - mL; mean = mL + d·nR/n; M2 = M2L + M2R + d²·nL·nR/n; a count of 0 is absent.</summary>
    void Moments(View left, View right);
}
